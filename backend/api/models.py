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
    Discriminator,
    Field,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)
from pydantic import (
    Tag as Variant,
)

MAX_TEXT = 10_000
MAX_BATCH = 1000
MAX_EMBED = 100
MAX_PARTS = 16
MAX_TAGS = 50
MAX_FILTER_TAGS = 100
MAX_EQUALITIES = 32
MAX_WEIGHT = 1000

# Something visible, and no NUL, which PostgreSQL cannot keep.
_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"
_NO_NUL = r"^[^\x00]*$"
_TAG = r"^[^\x00-\x1f\x7f]+$"
_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def read_id(value: str) -> str:
    """The id in its one spelling. Raises `ValueError`."""
    if not _UUID.fullmatch(value.lower()):
        raise ValueError("An id is a UUID such as 0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10.")
    return value.lower()


def _read_plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("Only a string, a number, true or false can be compared with.")
    return value


def _read_time(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("A time looks like 2026-01-31T12:00:00Z (RFC 3339, with its zone).")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("There is no such time.") from None


WHOLE = BeforeValidator(lambda v: int(v) if isinstance(v, float) and v.is_integer() else v)
"""JSON knows one kind of number: 3.0 is 3."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT, pattern=_TEXT)]
Id = Annotated[str, AfterValidator(read_id), WithJsonSchema({"type": "string", "format": "uuid"})]
TagName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_TAG)]
Tags = Annotated[
    list[TagName],
    Field(max_length=MAX_TAGS),
    AfterValidator(lambda tags: list(dict.fromkeys(tags))),
]
Time = Annotated[
    datetime, PlainValidator(_read_time), WithJsonSchema({"type": "string", "format": "date-time"})
]
Weight = Annotated[float, Field(ge=-MAX_WEIGHT, le=MAX_WEIGHT, allow_inf_nan=False)]
Metadata = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "Any JSON object, up to the server's size limit.",
            "propertyNames": {"pattern": _NO_NUL},
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        }
    ),
]
JSON_VALUE = {
    "description": "Any JSON value without NUL characters, nested 32 levels deep at most.",
    "anyOf": [
        {"type": ["number", "boolean", "null"]},
        {"type": "string", "pattern": _NO_NUL},
        {"type": "array", "items": {"$ref": "#/components/schemas/JsonValue"}},
        {
            "type": "object",
            "propertyNames": {"pattern": _NO_NUL},
            "additionalProperties": {"$ref": "#/components/schemas/JsonValue"},
        },
    ],
}
"""In the OpenAPI document, where `Metadata` refers to it."""
Plain = Annotated[str | int | float | bool, PlainValidator(_read_plain)]
Equalities = Annotated[
    dict[str, Plain],
    Field(max_length=MAX_EQUALITIES),
    WithJsonSchema(
        {
            "type": "object",
            "description": "Fields that equal these values.",
            "propertyNames": {"pattern": _NO_NUL},
            "additionalProperties": {
                "anyOf": [{"type": "string", "pattern": _NO_NUL}, {"type": ["number", "boolean"]}]
            },
            "maxProperties": MAX_EQUALITIES,
        }
    ),
]


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


# -- search -----------------------------------------------------------------------------------
class TextPart(Strict):
    text: Text
    weight: Weight = 1.0


class ItemPart(Strict):
    item: Id
    weight: Weight = 1.0


class FilePart(Strict):
    file: Annotated[int, Field(ge=0, lt=MAX_PARTS), WHOLE] = Field(
        description="Which of the uploaded pictures, counted from 0."
    )
    weight: Weight = 1.0


def _part_variant(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    given = [name for name in ("text", "item", "file") if name in value]
    return f"<{given[0]}>" if len(given) == 1 else None


Part = Annotated[
    Annotated[TextPart, Variant("<text>")]
    | Annotated[ItemPart, Variant("<item>")]
    | Annotated[FilePart, Variant("<file>")],
    Discriminator(
        _part_variant,
        custom_error_type="part",
        custom_error_message="A part has exactly one of `text`, `item` and `file`",
    ),
]
Parts = Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS)]
QueryField = Annotated[
    Annotated[Text, Variant("<words>")] | Annotated[Parts, Variant("<parts>")],
    Discriminator(
        lambda value: {str: "<words>", list: "<parts>"}.get(type(value)),
        custom_error_type="query",
        custom_error_message="A query is a text or a list of parts",
    ),
]
Modality = Literal["images", "captions"]
Limit = Annotated[int, Field(ge=1, le=MAX_BATCH), WHOLE]
Cursor = Annotated[str, StringConstraints(max_length=10_000, pattern=_NO_NUL)]
Score = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
FilterTags = Annotated[list[TagName], Field(max_length=MAX_FILTER_TAGS)]


class SearchFilter(Strict):
    """All conditions hold together; an empty list is no condition."""

    tags_any: FilterTags = []
    tags_all: FilterTags = []
    tags_none: FilterTags = []
    metadata: Equalities = {}
    ids: list[Id] = Field(default=[], max_length=MAX_BATCH)
    created_after: Time | None = None
    created_before: Time | None = None


class SearchRequest(Strict):
    query: QueryField
    return_: list[Modality] = Field(["images", "captions"], alias="return", min_length=1, max_length=2)
    limit: Limit = 20
    cursor: Cursor | None = None
    filter: SearchFilter = SearchFilter()
    min_score: Score | None = None


class SearchParameters(Lenient):
    q: Text
    limit: Limit = 20
    return_: list[Modality] = Field(["images", "captions"], alias="return", min_length=1, max_length=2)
    cursor: Cursor | None = None
    min_score: Score | None = None


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


class EmbedRequest(Strict):
    texts: list[Text] = Field(min_length=1, max_length=MAX_EMBED)


# -- forms, as the OpenAPI document shows them ------------------------------------------------
Upload = Annotated[str, WithJsonSchema({"type": "string", "format": "binary"})]
Encoded = WithJsonSchema({"type": "string", "contentMediaType": "application/json"})


class ImageForm(UploadFields):
    file: list[Upload] = Field(min_length=1, max_length=MAX_BATCH)


class SearchForm(Strict):
    request: SearchRequest = Field(description="The same JSON that can be sent as the whole body.")
    file: list[Upload] = Field([], max_length=MAX_PARTS, description="Pictures that parts refer to.")


class EmbedForm(Strict):
    file: list[Upload] = Field(min_length=1, max_length=MAX_EMBED)
