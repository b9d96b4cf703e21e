from __future__ import annotations

import numpy as np
import pytest

from backend.evaluation.recall import recall


def test_recall_is_the_share_of_queries_with_their_answer_among_the_first_k() -> None:
    result = recall(np.array([1, 2, 5, 6, 10, 11, 1, 400]), np.arange(8))
    assert (result.at(1), result.at(5), result.at(10)) == (2 / 8, 4 / 8, 6 / 8)
    assert (result.at(2), result.at(99)) == (3 / 8, 7 / 8)
    assert result.median_rank == 5.5
    assert result.queries == 8


def test_there_is_no_recall_without_queries() -> None:
    with pytest.raises(ValueError, match="no queries"):
        recall(np.array([], dtype=np.int64), np.array([], dtype=np.int64))


def test_intervals_of_independent_queries_are_those_of_the_textbook() -> None:
    result = recall(np.tile([1, 50], 200), np.arange(400))
    low, high = result.interval(1)
    expected = 1.96 * np.sqrt(0.25 / 400)
    assert low == pytest.approx(0.5 - expected, abs=0.01)
    assert high == pytest.approx(0.5 + expected, abs=0.01)
    assert result.interval(50) == (1, 1)


def test_captions_that_succeed_and_fail_together_count_as_one() -> None:
    """Five captions of each picture tell no more than one of them would."""
    ranks = np.tile([1, 50], 50)
    alone = recall(ranks, np.arange(100))
    together = recall(np.repeat(ranks, 5), np.repeat(np.arange(100), 5))
    assert together.at(1) == alone.at(1)
    assert together.interval(1) == alone.interval(1)


def test_the_same_ranks_have_the_same_intervals() -> None:
    ranks = np.random.default_rng(1).integers(1, 30, 200)
    pictures = np.repeat(np.arange(40), 5)
    assert recall(ranks, pictures).as_json() == recall(ranks, pictures).as_json()


def test_json_has_an_interval_around_each_share() -> None:
    figures = recall(np.array([1, 3, 7, 20] * 20), np.arange(80)).as_json()
    assert figures["recall@5"] == 0.5
    for name in ("recall@1", "recall@5", "recall@10"):
        low, high = figures["intervals"][name]
        assert 0 < low < figures[name] < high < 1
