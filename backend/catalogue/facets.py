"""Facets over both kinds of items at once: what there is to filter by, and how much of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from backend.catalogue.projection import keyword_prefix
from backend.store.base import Facet, FacetField, Filter, Kind, VectorStore

MOST = 10_000
"""Values of each kind that are looked at: the sums of rarer ones may miss a few."""
METADATA = "metadata"


def facets(
    store: VectorStore, space: str, tenant: str, field: str, kinds: Sequence[Kind], limit: int
) -> list[Facet]:
    """Most frequent first, equal counts in the order of values.

    `field`: `tags`; `metadata`, whose values are its keys; or `metadata.KEY`, the values of one key, as
    `filter.metadata` compares them. Raises `Unavailable`.
    """
    key = field.removeprefix(f"{METADATA}.") if field.startswith(f"{METADATA}.") else None
    stored: FacetField = "tags"
    if field == METADATA:
        stored = "metadata_keys"
    elif key is not None:
        stored = "metadata"
    prefix = "" if key is None else keyword_prefix(key)
    filter = Filter(tenant, exists=() if key is None else (key,))
    counts = Counter[str]()
    for kind in kinds:
        for facet in store.facet(space, kind, stored, MOST, filter, prefix):
            counts[facet.value.removeprefix(prefix)] += facet.count
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Facet(value, count) for value, count in best[:limit]]
