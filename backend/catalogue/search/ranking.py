"""One list of a paged search: which part of a ranking the next page is, whatever came and went meanwhile.

A page starts behind the (score, id) of the last hit given, not at an offset, so deletions shift nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from backend.catalogue.search.search_cursor import Place
from backend.store.base import Filter, Kind, Query, ScoredPoint, Vector

MAX_DEPTH = 10_000
"""How many hits of one list can be paged through."""
SLACK = 12
"""Points beyond the page: they tell whether there is more, and fill small gaps."""
MOST = 2 * MAX_DEPTH + SLACK
"""How deep the store is ever asked."""


class Ranking:
    def __init__(self, kind: Kind, place: Place, limit: int) -> None:
        self.kind = kind
        self.gone: Collection[str] = ()
        """Ids that the catalogue no longer knows."""
        self._place = place
        self._size = max(0, min(limit, MAX_DEPTH - place.given))
        self._depth = 0
        self._candidates: list[ScoredPoint] = []
        self._complete = place.exhausted or self._size == 0

    def page(self) -> list[ScoredPoint]:
        return self._alive()[: self._size]

    def needs_more(self) -> bool:
        """Whether the store may know hits that belong on this page."""
        return not self._complete and self._depth < MOST and len(self.page()) < self._size

    def query(self, vector: Vector, filter: Filter, min_score: float | None) -> Query:
        first = self._place.given + self._size + SLACK
        self._depth = min(MOST, 2 * self._depth if self._depth else first)
        return Query(vector, self._depth, filter, min_score=min_score)

    def take(self, points: list[ScoredPoint]) -> None:
        """What the store answered to `query`: best first, equal scores in the order of ids."""
        self._complete = len(points) < self._depth
        self._candidates = [point for point in points if self._place.is_before(point.score, point.id)]

    def next_place(self) -> Place:
        page = self.page()
        given = self._place.given + len(page)
        nothing_left = self._complete and len(self._alive()) <= len(page)
        exhausted = nothing_left or given >= MAX_DEPTH or not page
        if not page:
            return Place(given, self._place.score, self._place.id, exhausted)
        return Place(given, page[-1].score, page[-1].id, exhausted)

    def _alive(self) -> list[ScoredPoint]:
        if not self.gone:
            return self._candidates
        return [point for point in self._candidates if point.id not in self.gone]
