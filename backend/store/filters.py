"""One translation of `Filter` for both engines: their models carry the same names, but for two.

It also lists the payload fields that are indexed, so that nothing is filtered without an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from backend.store.base import Filter

KEYWORDS = ("tenant", "tags", "metadata", "image_id")
DATETIMES = ("created_at", "indexed_at")


@dataclass(frozen=True)
class Dialect:
    """Where one engine keeps its models, and what it calls differently."""

    models: Any
    ids_argument: Literal["point_ids", "has_id"]
    datetime_range: Any

    def match(self, key: str, value: str) -> Any:
        return self.models.FieldCondition(key=key, match=self.models.MatchValue(value=value))

    def match_any(self, key: str, values: Sequence[str]) -> Any:
        return self.models.FieldCondition(key=key, match=self.models.MatchAny(any=list(values)))

    def between(self, key: str, **bounds: datetime | None) -> Any:
        texts = {name: rfc3339(bound) for name, bound in bounds.items() if bound is not None}
        return self.models.FieldCondition(key=key, range=self.datetime_range(**texts))

    def has_id(self, ids: Sequence[str]) -> Any:
        container = set if self.ids_argument == "point_ids" else list
        return self.models.HasIdCondition(**{self.ids_argument: container(ids)})

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
    if filter.tags_any:
        conditions.append(dialect.match_any("tags", filter.tags_any))
    if filter.image_ids:
        conditions.append(dialect.match_any("image_id", filter.image_ids))
    if filter.ids is not None:
        conditions.append(dialect.has_id(filter.ids))
    if filter.created_after or filter.created_before:
        conditions.append(dialect.between("created_at", gte=filter.created_after, lt=filter.created_before))
    return conditions


def _excluded(dialect: Dialect, filter: Filter) -> list[Any]:
    conditions = []
    if filter.tags_none:
        conditions.append(dialect.match_any("tags", filter.tags_none))
    if filter.not_ids:
        conditions.append(dialect.has_id(filter.not_ids))
    if filter.indexed_before:
        # "Not later" instead of "until": this holds for nearly all points, and walking the range
        # index for nearly all points took five times as long (50 ms against 11 ms over 100,000).
        conditions.append(dialect.between("indexed_at", gt=filter.indexed_before))
    return conditions
