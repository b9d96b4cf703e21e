"""The total order of hits: best first, equal scores in the order of ids, wherever the list is cut.

Engines break ties by whatever their heap does, so which of several equal points make it into the
first `limit` differs from one limit to the next, and pages repeat and drop hits. Equal scores are
ordinary here: the same caption of two pictures is two points with one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backend.store.base import Query, ScoredPoint

Search = Callable[[Sequence[tuple[Query, int]]], list[list[ScoredPoint]]]
"""The best `n` for each (query, n), best first, offsets ignored and ties in any order."""

DECIMALS = 6
"""Of scores. Two replicas on different processors agree on that many, not on the last bit of a float32."""
MOST_TIES = 10_000
"""Points of equal score that are looked at beyond a cut. Past that many the engine's choice stands."""


def engine_threshold(min_score: float | None) -> float | None:
    """A bound that lets through what rounds to `min_score`; `rank` takes out what it lets through besides."""
    return None if min_score is None else min_score - 10**-DECIMALS


def rank(queries: Sequence[Query], search: Search) -> list[list[ScoredPoint]]:
    """Each query's hits from `offset` to `offset + limit`. Costs one more hit, and more if that is a tie.

    Raises `ValueError` for a vector that is not finite.
    """
    if not queries:
        return []
    if not all(np.isfinite(query.vector).all() for query in queries):
        raise ValueError("a query's vector holds NaN or infinity")
    ends = [query.offset + query.limit for query in queries]
    found = _rounded(search, [(query, end + 1) for query, end in zip(queries, ends, strict=True)])
    return [
        _page(query, end, _whole_ties(query, end, hits, search))
        for query, end, hits in zip(queries, ends, found, strict=True)
    ]


def _rounded(search: Search, wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
    return [[ScoredPoint(hit.id, round(hit.score, DECIMALS)) for hit in hits] for hits in search(wanted)]


def _whole_ties(query: Query, end: int, hits: list[ScoredPoint], search: Search) -> list[ScoredPoint]:
    """Asks for more until the points that are as good as the last one wanted are all there."""
    asked, most = end + 1, end + MOST_TIES
    while end and len(hits) == asked and hits[-1].score == hits[end - 1].score and asked < most:
        asked = min(most, asked * 4)
        hits = _rounded(search, [(query, asked)])[0]
    return hits


def _page(query: Query, end: int, hits: list[ScoredPoint]) -> list[ScoredPoint]:
    if query.min_score is not None:
        hits = [hit for hit in hits if hit.score >= query.min_score]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[query.offset : end]
