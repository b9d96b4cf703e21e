from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.search.diversity import diversified


def unit(*rows: tuple[float, ...]) -> np.ndarray:
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


TWINS = unit((1, 0, 0), (1, 0.01, 0), (1, 0, 0.01), (0, 1, 0), (0, 0, 1))
STRENGTHS = np.array([0.30, 0.29, 0.28, 0.22, 0.20])


def test_without_diversity_ranks_stay() -> None:
    assert diversified(STRENGTHS, TWINS, 0) == [0, 1, 2, 3, 4]


def test_with_some_diversity_twins_of_the_best_step_back() -> None:
    assert diversified(STRENGTHS, TWINS, 0.6)[:3] == [0, 3, 4]


def test_the_best_hit_stays_first_until_rank_counts_nothing() -> None:
    for diversify in (0.1, 0.5, 0.99):
        assert diversified(STRENGTHS, TWINS, diversify)[0] == 0


def test_a_modality_gap_does_not_drown_the_ranks() -> None:
    """Cosines with the query in 0.20..0.22, those among the hits from 0.3 up: a little stays a little."""
    strengths = np.linspace(0.22, 0.20, 5)
    assert diversified(strengths, TWINS, 0.1) == [0, 1, 2, 3, 4]


def test_equal_hits_keep_their_order() -> None:
    same = unit(*[(1, 0)] * 4)
    assert diversified(np.zeros(4), same, 0.5) == [0, 1, 2, 3]


@pytest.mark.parametrize("number", [0, 1])
def test_there_is_nothing_to_reorder(number: int) -> None:
    assert diversified(np.zeros(number), np.ones((number, 3), np.float32), 0.5) == list(range(number))


@given(
    st.integers(2, 30).flatmap(
        lambda n: st.tuples(
            st.lists(st.floats(-1, 1), min_size=n, max_size=n),
            st.lists(st.tuples(*[st.floats(0.1, 1)] * 3), min_size=n, max_size=n),
        )
    ),
    st.floats(0, 1),
)
def test_every_hit_is_there_once(hits: tuple[list[float], list[tuple[float, ...]]], diversify: float) -> None:
    strengths, rows = hits
    order = diversified(np.array(sorted(strengths, reverse=True)), unit(*rows), diversify)
    assert sorted(order) == list(range(len(strengths)))


def test_each_choice_is_the_best_by_its_definition() -> None:
    random = np.random.default_rng(0)
    vectors = unit(*random.normal(size=(12, 5)))
    strengths = np.sort(random.uniform(size=12))[::-1]
    likeness = vectors @ vectors.T
    between = likeness[~np.eye(12, dtype=bool)]
    scaled = (likeness - between.min()) / np.ptp(between)
    worth = (strengths - strengths.min()) / np.ptp(strengths)
    order = diversified(strengths, vectors, 0.4)
    for n in range(1, 12):
        marginal = {i: 0.6 * worth[i] - 0.4 * max(0, *scaled[i][order[:n]]) for i in order[n:]}
        assert marginal[order[n]] == pytest.approx(max(marginal.values()))
