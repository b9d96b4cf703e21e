"""The total order of hits: best first, equal scores in the order of ids, wherever the list is cut.

Engines break ties by whatever their heap does, so which of several equal points make it into the
first `limit` differs from one limit to the next, and pages repeat and drop hits. Equal scores are
ordinary here: the same caption of two pictures is two points with one vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backend.store.base import MissingLexical, Query, ScoredPoint, SparseVector

Search = Callable[[Sequence[tuple[Query, int]]], list[list[ScoredPoint]]]
"""The best `n` for each (query, n), best first, offsets ignored and ties in any order."""

COSINE_DECIMALS = 6
"""Of scores. Two replicas on different processors agree on that many, not on the last bit of a float32."""
BM25_DECIMALS = 4
"""BM25 goes up to some tens, where a float32 has two decimals less."""
LEXICAL_ROOM = 16
"""Texts that share words with a query are often as good as each other: asking at once for more of them costs
less than asking again."""
NEWEST_ROOM = 1000
"""What was uploaded together was made at the same moment."""
MOST_TIES = 10_000
"""Points of equal score that are looked at beyond a cut. Past that many the engine's choice stands."""


def engine_threshold(query: Query) -> float | None:
    """A bound that lets through what rounds to `min_score`; `rank` takes out what it lets through besides."""
    return None if query.min_score is None else query.min_score - 10 ** -_decimals(query)


def rank(queries: Sequence[Query], search: Search) -> list[list[ScoredPoint]]:
    """Each query's hits from `offset` to `offset + limit`. Costs one more hit, and more if that is a tie.

    Raises `ValueError` for a vector that is not finite.
    """
    if not queries:
        return []
    if not all(_is_finite(query) for query in queries):
        raise ValueError("a query's vector holds NaN or infinity")
    ends = [query.offset + query.limit for query in queries]
    wanted = [(query, end + _room(query)) for query, end in zip(queries, ends, strict=True)]
    found = _rounded(search, wanted)
    return [
        _page(query, end, _whole_ties(query, end, hits, search))
        for query, end, hits in zip(queries, ends, found, strict=True)
    ]


def _rounded(search: Search, wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
    rounded = []
    for (query, _), hits in zip(wanted, _answers(search, wanted), strict=True):
        decimals = _decimals(query)
        rounded.append([ScoredPoint(id, round(score, decimals)) for id, score in hits])
    return rounded


def _answers(search: Search, wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
    """Words that nobody asked for find nothing, and so do all words where no point has any yet."""
    asked = [k for k, (query, _) in enumerate(wanted) if not _is_wordless(query)]
    try:
        return _only(search, wanted, asked)
    except MissingLexical:
        return _only(search, wanted, [k for k in asked if not is_lexical(wanted[k][0])])


def _only(
    search: Search, wanted: Sequence[tuple[Query, int]], asked: Sequence[int]
) -> list[list[ScoredPoint]]:
    answers: list[list[ScoredPoint]] = [[] for _ in wanted]
    if asked:
        for k, hits in zip(asked, search([wanted[k] for k in asked]), strict=True):
            answers[k] = hits
    return answers


def is_lexical(query: Query) -> bool:
    return isinstance(query.vector, SparseVector)


def _is_wordless(query: Query) -> bool:
    return isinstance(query.vector, SparseVector) and not query.vector.indices


def _is_finite(query: Query) -> bool:
    vector = query.vector
    return bool(np.isfinite(vector.values if isinstance(vector, SparseVector) else vector).all())


def _decimals(query: Query) -> int:
    return BM25_DECIMALS if is_lexical(query) else COSINE_DECIMALS


def _room(query: Query) -> int:
    """Points beyond the last one wanted that are looked at in any case."""
    if query.newest_of is not None:
        return NEWEST_ROOM
    return LEXICAL_ROOM if is_lexical(query) else 1


def _whole_ties(query: Query, end: int, hits: list[ScoredPoint], search: Search) -> list[ScoredPoint]:
    """Asks for more until the points that are as good as the last one wanted are all there."""
    asked, most = end + _room(query), end + MOST_TIES
    while end and len(hits) == asked and hits[-1].score == hits[end - 1].score and asked < most:
        asked = min(most, asked * 4)
        hits = _rounded(search, [(query, asked)])[0]
    return hits


def _page(query: Query, end: int, hits: list[ScoredPoint]) -> list[ScoredPoint]:
    if query.min_score is not None and query.newest_of is None:
        hits = [hit for hit in hits if hit.score >= query.min_score]
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))[query.offset : end]
