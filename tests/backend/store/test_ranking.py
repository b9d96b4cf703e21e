"""The order of hits over an engine that breaks ties as it pleases."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.store.base import Filter, Query, ScoredPoint
from backend.store.ranking import MOST_TIES, engine_threshold, rank


class Engine:
    """Best first, ties in another order at every call, noise in the last bits as between replicas."""

    def __init__(self, points: list[ScoredPoint]) -> None:
        self.points = points
        self.calls: list[int] = []

    def __call__(self, wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
        self.calls += [n for _, n in wanted]
        return [self._best(query, n) for query, n in wanted]

    def _best(self, query: Query, n: int) -> list[ScoredPoint]:
        noisy = [ScoredPoint(point.id, point.score + random.uniform(-1e-8, 1e-8)) for point in self.points]
        least = engine_threshold(query)
        kept = [point for point in noisy if least is None or point.score > least]
        return sorted(kept, key=lambda point: -point.score)[:n]


def query(limit: int, offset: int = 0, min_score: float | None = None) -> Query:
    return Query(np.ones(2, np.float32), limit, Filter("t"), offset, min_score)


scores = st.lists(st.sampled_from([0.25, 0.5, 0.75]), max_size=40)


@given(scores, st.integers(0, 12), st.integers(0, 30), st.sampled_from([None, 0.5, 0.6]))
def test_every_page_is_a_slice_of_one_order(
    scores: list[float], limit: int, offset: int, least: float | None
) -> None:
    points = [ScoredPoint(f"{n:03}", score) for n, score in enumerate(scores)]
    order = sorted(points, key=lambda point: (-point.score, point.id))
    order = [point for point in order if least is None or point.score >= least]
    (hits,) = rank([query(limit, offset, least)], Engine(points))
    assert hits == order[offset : offset + limit]


def test_without_a_tie_at_the_cut_the_engine_is_asked_once_for_one_more() -> None:
    engine = Engine([ScoredPoint(f"{n:03}", 1 - n / 100) for n in range(50)])
    rank([query(10), query(5, offset=5)], engine)
    assert engine.calls == [11, 11]


def test_there_is_an_end_to_looking_for_ties() -> None:
    engine = Engine([ScoredPoint(f"{n:05}", 0.5) for n in range(2 * MOST_TIES)])
    (hits,) = rank([query(10)], engine)
    assert len(hits) == 10
    assert max(engine.calls) == 10 + MOST_TIES
    assert len(engine.calls) < 10
