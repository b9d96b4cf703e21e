"""Among what a search looks: the strict models of filters, with examples of each."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import Discriminator, Field, PlainValidator, WithJsonSchema
from pydantic import (
    Tag as Variant,
)

from backend.api.models import MAX_BATCH, NO_NUL, Id, Strict, TagName, Time, read_time

MAX_FILTER_TAGS = 100
MAX_CONDITIONS = 32
MAX_BOUND = 1e300


def _read_plain(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("Only a string, a number, true or false can be compared with.")
    return value


def _read_bound(value: Any) -> float | datetime:
    if isinstance(value, str) and _TIME_LIKE.match(value):
        return read_time(f"{value}T00:00:00Z" if _DATE.fullmatch(value) else value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("A bound is a number, a date or a time such as 2026-01-31T12:00:00Z.")
    if abs(value) > MAX_BOUND:
        raise ValueError("This number is too large.")
    return float(value)


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_LIKE = re.compile(r"[0-9]{4}-")
Plain = Annotated[str | int | float | bool, PlainValidator(_read_plain)]
Bound = Annotated[float | datetime, PlainValidator(_read_bound)]


class Bounds(Strict):
    """Conditions on one metadata field: a range of numbers or times, and whether it is there at all."""

    gte: Bound | None = None
    gt: Bound | None = None
    lte: Bound | None = None
    lt: Bound | None = None
    exists: bool | None = None

    def bounds(self) -> dict[str, float | datetime]:
        given = {"gte": self.gte, "gt": self.gt, "lte": self.lte, "lt": self.lt}
        return {name: bound for name, bound in given.items() if bound is not None}


Condition = Annotated[
    Annotated[Plain, Variant("<plain>")] | Annotated[Bounds, Variant("<bounds>")],
    Discriminator(lambda value: "<bounds>" if isinstance(value, dict) else "<plain>"),
]
_BOUND = {
    "anyOf": [
        {"type": ["number", "null"]},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date", "description": "Its first moment, UTC."},
    ]
}
_BOUNDS = dict.fromkeys(("gte", "gt", "lte", "lt"), _BOUND)
_CONDITION = {
    "anyOf": [
        {"type": "string", "pattern": NO_NUL},
        {"type": ["number", "boolean"]},
        {
            "type": "object",
            "description": "A range of numbers or of times, or whether the field is there. Fields that the "
            "setting TWINSPACE_RANGE_FIELDS declares have an index for it; for others every item is read.",
            "properties": _BOUNDS | {"exists": {"type": ["boolean", "null"]}},
            "additionalProperties": False,
        },
    ]
}
Conditions = Annotated[
    dict[str, Condition],
    Field(max_length=MAX_CONDITIONS),
    WithJsonSchema(
        {
            "type": "object",
            "description": "Fields that equal these values, lie in these ranges, or are there at all. Equal "
            "is what is written alike: 3 is 3.0 and the text `3`, true is the text `true`.",
            "propertyNames": {"pattern": NO_NUL},
            "additionalProperties": _CONDITION,
            "maxProperties": MAX_CONDITIONS,
            "examples": [
                {
                    "camera": "X100",
                    "published": True,
                    "price": {"gte": 1, "lt": 5},
                    "taken": {"gte": "2026-01-01T00:00:00Z"},
                    "place": {"exists": True},
                }
            ],
        }
    ),
]
FilterTags = Annotated[list[TagName], Field(max_length=MAX_FILTER_TAGS, examples=[["holiday", "2024"]])]


class SearchFilter(Strict):
    """All conditions hold together; an empty list is no condition."""

    tags_any: FilterTags = Field(default=[], description="At least one of these tags.")
    tags_all: FilterTags = Field(default=[], description="All of these tags.")
    tags_none: FilterTags = Field(default=[], description="None of these tags.")
    metadata: Conditions = Field(default={})
    ids: list[Id] = Field(
        default=[],
        max_length=MAX_BATCH,
        description="Among these items only.",
        examples=[["0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10"]],
    )
    has_caption: bool | None = Field(
        default=None, description="Only pictures, those with captions or those without any.", examples=[True]
    )
    created_after: Time | None = Field(
        default=None, description="At this time or later.", examples=["2026-01-31T12:00:00Z"]
    )
    created_before: Time | None = Field(
        default=None, description="Earlier than this.", examples=["2026-02-28T00:00:00+01:00"]
    )
