"""From the filter of a request to the filter of a store: conditions on metadata by what each field is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from backend.api.filter_models import Bounds, SearchFilter
from backend.catalogue.projection import keyword
from backend.errors import InvalidRequest
from backend.settings import RangeKind
from backend.store.base import Filter, Range
from backend.store.filters import has_range_path

BOUNDS = ("gte", "gt", "lte", "lt")


def store_filter(wanted: SearchFilter, tenant: str, ranges: Mapping[str, RangeKind]) -> Filter:
    """`ranges`: the fields whose kind of values is declared. Raises `InvalidRequest`."""
    equal = {key: value for key, value in wanted.metadata.items() if not isinstance(value, Bounds)}
    bounded = {key: value for key, value in wanted.metadata.items() if isinstance(value, Bounds)}
    return Filter(
        tenant=tenant,
        tags_any=tuple(wanted.tags_any),
        tags_all=tuple(wanted.tags_all),
        tags_none=tuple(wanted.tags_none),
        metadata=tuple(keyword(key, value) for key, value in equal.items()),
        exists=tuple(key for key, bounds in bounded.items() if bounds.exists is True),
        missing=tuple(key for key, bounds in bounded.items() if bounds.exists is False),
        ranges=tuple(_range(key, bounds, ranges) for key, bounds in bounded.items() if bounds.bounds()),
        has_caption=wanted.has_caption,
        ids=tuple(wanted.ids) or None,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
    )


def _range(key: str, bounds: Bounds, ranges: Mapping[str, RangeKind]) -> Range:
    field = f"filter.metadata.{key}"[:200]
    if not has_range_path(key):
        raise InvalidRequest('Ranges are for keys that are not empty and hold no `"` and no `\\`.', field)
    first, *_ = bounds.bounds().values()
    kind = ranges.get(key, "datetime" if isinstance(first, datetime) else "number")
    for name, bound in bounds.bounds().items():
        if isinstance(bound, datetime) != (kind == "datetime"):
            expected = "a time such as 2026-01-31T12:00:00Z" if kind == "datetime" else "a number"
            raise InvalidRequest(f"`{key}` is compared with {expected}.", f"{field}.{name}")
    return Range(key, **bounds.bounds())
