"""What requests may say: strict models, from which both the checks and the OpenAPI document come."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from backend.catalogue.items import MAX_TAGS

MAX_TEXT = 10_000
MAX_BATCH = 1000

# Something visible, and no NUL, which PostgreSQL cannot keep.
_INVISIBLE = r"\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
"""White space, control characters, and those that join, part or turn others and show nothing themselves."""
TEXT_PATTERN = rf"^[^\x00]*[^{_INVISIBLE}][^\x00]*$"
NO_NUL = r"^[^\x00]*$"
_TAG = r"^[^\x00-\x1f\x7f]+$"
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def read_id(value: str) -> str:
    """The id in its one spelling. Raises `ValueError`."""
    if not _UUID.fullmatch(value.lower()):
        raise ValueError("An id is a UUID such as 0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10.")
    return value.lower()


def read_time(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("A time looks like 2026-01-31T12:00:00Z (RFC 3339, with its zone).")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such time.") from None


WHOLE = BeforeValidator(lambda v: int(v) if isinstance(v, float) and v.is_integer() else v)
"""JSON knows one kind of number: 3.0 is 3."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=TEXT_PATTERN)]
Id = Annotated[str, AfterValidator(read_id), WithJsonSchema({"type": "string", "format": "uuid"})]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_TAG)]
Tags = Annotated[
    list[TagName],
    Field(max_length=MAX_TAGS),
    AfterValidator(lambda tags: list(dict.fromkeys(tags))),
]
Time = Annotated[
    datetime, PlainValidator(read_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
Metadata = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Any JSON object, up to the server's size limit.",
            "propertyNames": {"pattern": NO_NUL},
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        }
    ),
]
JSON_VALUE = {
    "description": "Any JSON value without NUL characters, nested 32 levels deep at most.",
    "anyOf": [
        {"type": ["number", "boolean", "null"]},
        {"type": "string", "pattern": NO_NUL},
        {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
        {
            "type": "object",
            "propertyNames": {"pattern": NO_NUL},
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        },
    ],
}
"""In the OpenAPI document, where `Metadata` refers to it."""


class Strict(BaseModel):
    """Unknown fields are refused, and nothing is converted: "3" is no number, and neither is true."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Lenient(BaseModel):
    """For query parameters, where every value arrives as text."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# -- upload -----------------------------------------------------------------------------------
class UploadFields(Strict):
    """The plain fields of an upload, as they are after the form has been read."""

    caption: list[Text] = Field([], max_length=MAX_BATCH)
    tags: Tags = []
    metadata: Metadata = {}


class NewCaption(Strict):
    text: Text
    image_id: Id | None = None
    tags: Tags = []
    metadata: Metadata = {}


class NewCaptions(Strict):
    captions: list[NewCaption] = Field(min_length=1, max_length=MAX_BATCH)


class AnyCaptions(Strict):
    """`NewCaptions` of which each entry is yet to be checked: a bad one does not refuse its neighbours."""

    captions: list[Any] = Field(min_length=1, max_length=MAX_BATCH)


class Changes(Strict):
    """What is left out, or null, stays as it is."""

    tags: Tags | None = None
    metadata: Metadata | None = None


# -- pages ---------------------------------------------------------------------------------------
Limit = Annotated[int, Field(ge=1, le=MAX_BATCH), WHOLE]
Cursor = Annotated[str, StringConstraints(max_length=250_000, pattern=NO_NUL)]
"""The cursor of a search may name the 10,000 hits of each of three lists, with eight characters a hit."""


# -- items and the rest -----------------------------------------------------------------------
def _split_ids(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


class ListParameters(Lenient):
    kind: Literal["image", "caption"] | None = None
    status: Literal["pending", "indexed", "failed"] | None = None
    tag: TagName | None = None
    image_id: Id | None = None
    ids: Annotated[
        list[Id] | None,
        BeforeValidator(_split_ids),
        Field(max_length=MAX_BATCH),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"type": "string", "format": "uuid"},
                "minItems": 1,
                "maxItems": MAX_BATCH,
            }
        ),
    ] = Field(None, description="Comma-separated.", json_schema_extra={"explode": False})
    limit: Limit = 100
    cursor: Cursor | None = None


class SignedParameters(Lenient):
    """Query of a signed link; all three come together, or none does."""

    expires: int | None = None
    tenant: str | None = None
    signature: str | None = None


# -- forms, as the OpenAPI document shows them ------------------------------------------------
Upload = Annotated[str, WithJsonSchema({"type": "string", "format": "binary"})]
Encoded = WithJsonSchema({"type": "string", "contentMediaType": "application/json"})


class ImageForm(UploadFields):
    file: list[Upload] = Field(min_length=1, max_length=MAX_BATCH)
