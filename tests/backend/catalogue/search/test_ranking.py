from __future__ import annotations

import pytest

from backend.catalogue.search.ranking import MAX_DEPTH, Ranking
from backend.catalogue.search.search_cursor import START, Place
from backend.store.base import Filter, ScoredPoint

FILTER = Filter("anna")


def points(number: int) -> list[ScoredPoint]:
    return [ScoredPoint(f"{i:05d}", 1 - i / 100_000) for i in range(number)]


def ask(ranking: Ranking, everything: list[ScoredPoint]) -> int:
    """What `Searcher` does: asks until nothing more is needed; returns how often."""
    asked = 0
    while ranking.needs_more():
        query = ranking.query(None, FILTER, None)
        ranking.take(everything[: query.limit])
        asked += 1
    return asked


def test_a_page_takes_one_query() -> None:
    ranking = Ranking("image", START, 20)
    assert ask(ranking, points(1000)) == 1
    assert ranking.page() == points(20)
    assert ranking.next_place() == Place(20, points(20)[-1].score, "00019", exhausted=False)


def test_the_last_page_is_known_to_be_the_last() -> None:
    for number in (0, 1, 19, 20):
        ranking = Ranking("image", START, 20)
        ask(ranking, points(number))
        assert len(ranking.page()) == number
        assert ranking.next_place().exhausted
    ranking = Ranking("image", START, 20)
    ask(ranking, points(21))
    assert not ranking.next_place().exhausted


def test_an_exhausted_list_is_not_asked_for_again() -> None:
    ranking = Ranking("image", Place(5, 0.5, "x", exhausted=True), 20)
    assert not ranking.needs_more()
    assert ranking.page() == []
    assert ranking.next_place().exhausted


def test_gaps_are_filled_from_below() -> None:
    ranking = Ranking("image", START, 20)
    everything = points(1000)
    ask(ranking, everything)
    ranking.gone = {point.id for point in everything[:300]}
    assert ask(ranking, everything) > 0
    assert ranking.page() == everything[300:320]


@pytest.mark.parametrize("limit", [1, 999, 1000])
def test_pages_end_at_the_depth_that_was_promised(limit: int) -> None:
    everything = points(MAX_DEPTH + 500)
    place, seen = START, 0
    while not place.exhausted:
        if limit == 1 and seen == 10:  # The rest is the same.
            place, seen = Place(MAX_DEPTH - 1, *_key(everything[MAX_DEPTH - 2])), MAX_DEPTH - 1
        ranking = Ranking("image", place, limit)
        ask(ranking, everything)
        assert ranking.page() == everything[seen : seen + len(ranking.page())]
        seen += len(ranking.page())
        place = ranking.next_place()
    assert seen == MAX_DEPTH


def _key(point: ScoredPoint) -> tuple[float, str]:
    return point.score, point.id
