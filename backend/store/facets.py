"""Facets, equal whatever the engine: most frequent first, then in the order of values.

Engines are not asked for exact counts: that is one count for each value, 3 seconds for the values of a key
that tells 100,000 points apart. What they call approximate is exact but while they move points between
segments (`tests/contract`), and takes a twentieth of that.
"""

from __future__ import annotations

from collections.abc import Sequence

from backend.store.base import Facet

MORE = 1000
"""Values beyond the limit that are looked at, so that equal counts at the cut are decided by value."""
MANY = 20_000
"""A prefix is looked for among so many values of the points inside the filter, the most frequent ones."""


def wanted(limit: int, prefix: str) -> int:
    """How many values to ask the engine for."""
    return MANY if prefix else limit + MORE


def best(counted: Sequence[Facet], limit: int, prefix: str) -> list[Facet]:
    found = [facet for facet in counted if facet.value.startswith(prefix)]
    return sorted(found, key=lambda facet: (-facet.count, facet.value))[:limit]
