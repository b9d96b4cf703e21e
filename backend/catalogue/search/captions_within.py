"""The captions nearest to a query among those of filtered pictures: what is filtered by is known of pictures
alone, and captions of others must not crowd out theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.ranking import MOST
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import Filter, Kind, Query, ScoredPoint

FEW = 2000
"""Pictures whose captions are asked for by naming them; of more, enough are among the captions of all."""
DEEPER = 4
"""Times as many captions as before."""


def is_narrow(filter: Filter) -> bool:
    """Whether pictures are filtered by more than their tenant, and single ones that are left out."""
    return replace(filter, not_ids=(), indexed_before=None) != Filter(filter.tenant)


def of_all(filter: Filter) -> Filter:
    """For the captions of all pictures."""
    return Filter(filter.tenant, indexed_before=filter.indexed_before)


class CaptionsWithin:
    def __init__(self, plan: Plan, queries: StoreQueries, space: str, items: KnownItems) -> None:
        self._plan = plan
        self._queries = queries
        self._space = space
        self._items = items

    def find(self, filters: Sequence[Filter], reach: int) -> list[list[ScoredPoint]]:
        """For each filter of pictures so many captions of theirs, nearest first. Raises `Unavailable` and
        `QueueFull`."""
        if not filters:
            return []
        pictures = self._run([("image", self._pictures(filter, FEW)) for filter in filters])
        return [
            self._of(filter, [point.id for point in found], reach)
            if len(found) < FEW
            else self._among_all(filter, reach)
            for filter, found in zip(filters, pictures, strict=True)
        ]

    def _of(self, filter: Filter, pictures: Sequence[str], reach: int) -> list[ScoredPoint]:
        if not pictures:
            return []
        theirs = replace(of_all(filter), image_ids=tuple(pictures))
        return self._run([("caption", Query(self._plan.vector, reach, theirs))])[0]

    def _among_all(self, filter: Filter, reach: int) -> list[ScoredPoint]:
        depth = reach
        while True:
            depth = min(DEEPER * depth, MOST)
            captions = self._run([("caption", Query(self._plan.vector, depth, of_all(filter)))])[0]
            owners = {point.id: self._items[point.id].image_id for point in self._items.alive(captions)}
            pictures = {image for image in owners.values() if image is not None}
            if filter.ids is not None:
                pictures &= set(filter.ids)
            only = replace(filter, ids=tuple(sorted(pictures)))
            passing = {point.id for point in self._run([("image", self._pictures(only, len(pictures)))])[0]}
            found = [point for point in captions if owners.get(point.id) in passing]
            if len(found) >= reach or len(captions) < depth or depth == MOST:
                return found[:reach]

    def _pictures(self, filter: Filter, limit: int) -> Query:
        return Query(self._plan.vector, limit, filter, min_score=self._plan.min_score("image"))

    def _run(self, queries: Sequence[tuple[Kind, Query]]) -> list[list[ScoredPoint]]:
        return self._queries.run(self._space, queries)
