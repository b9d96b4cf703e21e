"""The hits of a search by date. The query says which they are, the store in which order they were made: no
more of them is read than a page needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from backend.catalogue.search.candidates import Candidate, Ranked
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.ranking import MAX_DEPTH
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import Filter, Kind, Query, ScoredPoint


class Newest:
    def __init__(self, plan: Plan, queries: StoreQueries, space: str) -> None:
        self._plan = plan
        self._queries = queries
        self._space = space

    def find(self, wanted: Sequence[tuple[Kind, Filter]], depth: int) -> list[Ranked]:
        """One list for each kind and filter, `depth` long or a little less, ordered by `created_at`. Raises
        `Unavailable` and `QueueFull`."""
        # Meaning knows everything that words and captions find.
        among = wanted if "dense" in self._plan.sources else self._by_words(wanted)
        queries = [(kind, self._query(kind, filter, depth, newest_of=MAX_DEPTH)) for kind, filter in among]
        found = self._queries.run(self._space, queries)
        cosines = self._cosines(among, found)
        return [
            Ranked(
                [Candidate(one.id, kind, cosines[one.id], one.score) for one in points if one.id in cosines],
                complete=len(points) < depth,
            )
            for (kind, _), points in zip(among, found, strict=True)
        ]

    def _query(self, kind: Kind, filter: Filter, limit: int, newest_of: int | None = None) -> Query:
        min_score = self._plan.min_score(kind)
        return Query(self._plan.vector, limit, filter, min_score=min_score, newest_of=newest_of)

    def _by_words(self, wanted: Sequence[tuple[Kind, Filter]]) -> Sequence[tuple[Kind, Filter]]:
        """The same, among what holds one of the words: the cut is one of cosines, which words have not."""
        queries = [(kind, Query(self._plan.words.wanted, MAX_DEPTH, filter)) for kind, filter in wanted]
        found = self._queries.run(self._space, queries)
        return [
            (kind, replace(filter, ids=tuple(sorted(point.id for point in points))))
            for (kind, filter), points in zip(wanted, found, strict=True)
        ]

    def _cosines(
        self, among: Sequence[tuple[Kind, Filter]], found: Sequence[Sequence[ScoredPoint]]
    ) -> dict[str, float]:
        shown = [
            (kind, Filter(filter.tenant, ids=tuple(point.id for point in points)))
            for (kind, filter), points in zip(among, found, strict=True)
        ]
        queries = [(kind, self._query(kind, filter, len(filter.ids))) for kind, filter in shown if filter.ids]
        answers = self._queries.run(self._space, queries) if queries else []
        return {point.id: point.score for points in answers for point in points}
