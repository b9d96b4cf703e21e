from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.search.fusion import ranks_of, reciprocal_rank_fusion


def fuse(rankings: Sequence[Sequence[str]], weights: Sequence[float]) -> list[tuple[str, float]]:
    return reciprocal_rank_fusion([ranks_of(ranking) for ranking in rankings], weights)


RANKINGS = st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4)


def test_what_several_rankings_name_comes_first() -> None:
    fused = fuse([["a", "b", "c"], ["c", "d"]], [1, 1])
    assert [id for id, _ in fused] == ["c", "a", "b", "d"]
    assert dict(fused)["c"] == pytest.approx(1 / 63 + 1 / 61)


def test_weights_count() -> None:
    assert fuse([["a"], ["b"]], [1, 2])[0][0] == "b"


def test_of_equals_the_earlier_ranking_decides() -> None:
    assert [id for id, _ in fuse([["b", "z"], ["a", "y"]], [1, 1])] == ["b", "a", "z", "y"]


@given(RANKINGS)
def test_everything_is_named_once_and_sums_descend(rankings: list[list[str]]) -> None:
    fused = fuse(rankings, [1.0] * len(rankings))
    assert sorted(id for id, _ in fused) == sorted(set().union(*rankings))
    sums = [total for _, total in fused]
    assert sums == sorted(sums, reverse=True)


@given(st.lists(st.sampled_from("abcdefgh"), unique=True), st.floats(0.01, 10))
def test_a_ranking_alone_stays_as_it_is(ranking: list[str], weight: float) -> None:
    assert [id for id, _ in fuse([ranking], [weight])] == ranking
