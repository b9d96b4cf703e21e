"""One translation of `Filter` for both engines: their models carry the same names, but for three.

It also lists the payload fields that are indexed, so that nothing is filtered without an index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from backend.settings import RangeKind
from backend.store.base import Filter, Range

IndexKind = Literal["keyword", "datetime", "float"]
NO_RANGES: Mapping[str, RangeKind] = MappingProxyType({})
YES, NO = "yes", "no"
RANGES = "ranges"
"""The payload field under which numbers and times of metadata are kept, by their keys."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NAMEABLE_KEY = re.compile(r'[^"\\]+', re.DOTALL)
_INDEXES: dict[str, IndexKind] = {
    "tenant": "keyword",
    "tags": "keyword",
    "metadata": "keyword",
    "metadata_keys": "keyword",
    "image_id": "keyword",
    # Not true and false: Edge takes True for the number 1.
    "has_caption": "keyword",
    "created_at": "datetime",
    "indexed_at": "datetime",
}


def payload_indexes(ranges: Mapping[str, RangeKind]) -> dict[str, IndexKind]:
    """What kind of index each payload field has; `ranges` are the range fields that are declared."""
    kinds: dict[str, IndexKind] = dict(_INDEXES)
    for key, kind in ranges.items():
        kinds[f"{RANGES}.{key}"] = "float" if kind == "number" else "datetime"
    return kinds


def range_path(key: str) -> str:
    """Where the values of a metadata key are in the payload. `ValueError` unless `has_range_path`."""
    if not has_range_path(key):
        raise ValueError("a path cannot name this key")
    return f"{RANGES}.{key}" if _PLAIN_KEY.fullmatch(key) else f'{RANGES}."{key}"'


def has_range_path(key: str) -> bool:
    return _NAMEABLE_KEY.fullmatch(key) is not None


def outdated_indexes(there: dict[str, str], wanted: dict[str, IndexKind]) -> list[str]:
    """Indexes of range fields that are declared otherwise by now, or no longer."""
    return [
        field
        for field, kind in there.items()
        if field.startswith(f"{RANGES}.") and wanted.get(field) != kind.lower()
    ]


@dataclass(frozen=True)
class Dialect:
    """Where one engine keeps its models, and what it calls differently."""

    models: Any
    ids_argument: Literal["point_ids", "has_id"]
    number_range: Any
    datetime_range: Any

    def match(self, key: str, value: str) -> Any:
        return self.models.FieldCondition(key=key, match=self.models.MatchValue(value=value))

    def match_any(self, key: str, values: Sequence[str]) -> Any:
        return self.models.FieldCondition(key=key, match=self.models.MatchAny(any=list(values)))

    def between(self, key: str, **bounds: float | datetime | None) -> Any:
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        times = {name: rfc3339(bound) for name, bound in given.items() if isinstance(bound, datetime)}
        within = self.datetime_range(**times) if times else self.number_range(**given)
        return self.models.FieldCondition(key=key, range=within)

    def has_id(self, ids: Sequence[str]) -> Any:
        container = set if self.ids_argument == "point_ids" else list
        return self.models.HasIdCondition(**{self.ids_argument: container(ids)})

    def tenant(self, tenant: str) -> Any:
        """All points of a tenant."""
        return self.models.Filter(must=[self.match("tenant", tenant)])

    def translate(self, filter: Filter) -> Any:
        return self.models.Filter(must=_required(self, filter), must_not=_excluded(self, filter))


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds, which is as fine as Qdrant compares; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _required(dialect: Dialect, filter: Filter) -> list[Any]:
    conditions = [dialect.match("tenant", filter.tenant)]
    conditions += [dialect.match("tags", tag) for tag in filter.tags_all]
    conditions += [dialect.match("metadata", pair) for pair in filter.metadata]
    conditions += [dialect.match("metadata_keys", key) for key in filter.exists]
    conditions += [_range(dialect, range) for range in filter.ranges]
    if filter.tags_any:
        conditions.append(dialect.match_any("tags", filter.tags_any))
    if filter.image_ids:
        conditions.append(dialect.match_any("image_id", filter.image_ids))
    if filter.ids is not None:
        conditions.append(dialect.has_id(filter.ids))
    if filter.has_caption:
        conditions.append(dialect.match("has_caption", YES))
    if filter.created_after or filter.created_before:
        conditions.append(dialect.between("created_at", gte=filter.created_after, lt=filter.created_before))
    return conditions


def _excluded(dialect: Dialect, filter: Filter) -> list[Any]:
    conditions = []
    if filter.tags_none:
        conditions.append(dialect.match_any("tags", filter.tags_none))
    if filter.missing:
        conditions.append(dialect.match_any("metadata_keys", filter.missing))
    if filter.not_ids:
        conditions.append(dialect.has_id(filter.not_ids))
    if filter.has_caption is False:
        conditions.append(dialect.match("has_caption", YES))
    if filter.indexed_before:
        # "Not later" instead of "until": this holds for nearly all points, and walking the range
        # index for nearly all points took five times as long (50 ms against 11 ms over 100,000).
        conditions.append(dialect.between("indexed_at", gt=filter.indexed_before))
    return conditions


def _range(dialect: Dialect, range: Range) -> Any:
    return dialect.between(range_path(range.key), gte=range.gte, gt=range.gt, lte=range.lte, lt=range.lt)
