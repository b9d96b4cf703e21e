from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.fusion import reciprocal_rank_fusion

RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4)


def test_what_several_rankings_name_comes_first() -> None:
    fused = reciprocal_rank_fusion([["a", "b", "c"], ["c", "d"]], [1, 1])
    assert [id for id, _ in fused] == ["c", "a", "b", "d"]
    assert dict(fused)["c"] == pytest.approx(1 / 63 + 1 / 61)


def test_weights_count() -> None:
    assert reciprocal_rank_fusion([["a"], ["b"]], [1, 2])[0][0] == "b"


def test_of_equals_the_earlier_ranking_decides() -> None:
    assert [id for id, _ in reciprocal_rank_fusion([["b", "z"], ["a", "y"]], [1, 1])] == ["b", "a", "z", "y"]


@given(RANKINGS)
def test_everything_is_named_once_and_sums_descend(rankings: list[list[str]]) -> None:
    fused = reciprocal_rank_fusion(rankings, [1.0] * len(rankings))
    assert sorted(id for id, _ in fused) == sorted(set().union(*rankings))
    sums = [total for _, total in fused]
    assert sums == sorted(sums, reverse=True)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.floats(0.01, 10))
def test_a_ranking_alone_stays_as_it_is(ranking: list[str], weight: float) -> None:
    assert [id for id, _ in reciprocal_rank_fusion([ranking], [weight])] == ranking
