"""The order of facets, equal whatever the engine: most frequent first, then in the order of values."""

from __future__ import annotations

from collections.abc import Sequence

from backend.store.base import Facet

MORE = 1000
"""Values beyond the limit that are looked at, so that equal counts at the cut are decided by value."""
ALL = 1_000_000
"""A prefix is looked for among so many values: engines count them all before they take the first few."""


def wanted(limit: int, prefix: str) -> int:
    """How many values to ask the engine for."""
    return ALL if prefix else limit + MORE


def best(counted: Sequence[Facet], limit: int, prefix: str) -> list[Facet]:
    found = [facet for facet in counted if facet.value.startswith(prefix)]
    return sorted(found, key=lambda facet: (-facet.count, facet.value))[:limit]
