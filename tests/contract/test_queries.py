"""Order, ties, pages and each condition of a filter by itself."""

from __future__ import annotations

from datetime import timedelta, timezone

import numpy as np
import pytest

from backend.store.base import Filter, Point, Query, Range, VectorStore
from backend.store.filters import rfc3339
from tests.contract.model import IDS, PRICES, QUESTIONS, TIMES, VECTORS, microseconds, point, question


def ids_of(store: VectorStore, space: str, filter: Filter) -> set[str]:
    found = {hit.id for hit in store.query(space, "caption", question(limit=100, filter=filter))}
    assert store.count(space, "caption", filter) == len(found)
    return found


def test_the_best_comes_first(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n, vector=n) for n in range(7)])
    hits = store.query(space, "caption", question(limit=7))
    expected = np.argsort(-(VECTORS @ QUESTIONS[0]))
    assert [hit.id for hit in hits] == [IDS[n] for n in expected]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@pytest.mark.parametrize("limit", [1, 3, 8, 15, 40])
def test_equal_points_are_in_the_order_of_ids_wherever_the_list_is_cut(
    store: VectorStore, space: str, limit: int
) -> None:
    rng = np.random.default_rng(limit)
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(60)]
    same = [Point(ids[n], VECTORS[0], {"tenant": "north"}) for n in rng.permutation(60)]
    store.upsert(space, "caption", [point(1, vector=1), *same])
    query = Query(VECTORS[0], limit, Filter("north"))
    assert [hit.id for hit in store.query(space, "caption", query)] == ids[:limit]


def test_pages_meet_every_point_once(store: VectorStore, space: str) -> None:
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(50)]
    store.upsert(
        space, "caption", [Point(id, VECTORS[n % 3], {"tenant": "north"}) for n, id in enumerate(ids)]
    )
    pages = [store.query(space, "caption", question(limit=7, offset=offset)) for offset in range(0, 56, 7)]
    whole = store.query(space, "caption", question(limit=100))
    assert [hit for page in pages for hit in page] == whole
    assert sorted(hit.id for hit in whole) == ids


def test_a_batch_answers_what_single_queries_answer(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(n, vector=n % 7, tags=("red",) if n % 2 else ()) for n in range(16)]
    )
    queries = [
        question(0, limit=3),
        question(1, limit=16),
        question(2, limit=5, offset=4),
        question(3, filter=Filter("north", tags_any=("red",))),
        question(4, min_score=0.1),
        question(0, filter=Filter("nobody")),
        question(1, limit=0),
    ]
    expected = [store.query(space, "caption", query) for query in queries]
    assert store.query_batch(space, "caption", queries) == expected
    assert [len(hits) for hits in expected[:3]] == [3, 16, 5]
    assert expected[5] == expected[6] == []


def test_the_least_score_is_inclusive(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n, vector=n) for n in range(7)])
    whole = store.query(space, "caption", question(limit=7))
    for rank, hit in enumerate(whole):
        kept = store.query(space, "caption", question(limit=7, min_score=hit.score))
        assert kept == whole[: rank + 1]
    above = whole[0].score + 1e-6
    assert store.query(space, "caption", question(limit=7, min_score=above)) == []


def test_the_newest_of_the_best(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n, vector=n, created=n % 3) for n in range(7)])
    best = [hit.id for hit in store.query(space, "caption", question(limit=5))]
    made = {IDS[n]: rfc3339(TIMES[n % 3]) for n in range(7)}
    expected = sorted(sorted(best), key=lambda id: made[id], reverse=True)
    for limit in (1, 2, 4, 9):
        newest = store.query(space, "caption", question(limit=limit, newest_of=5))
        assert [hit.id for hit in newest] == expected[:limit]
        assert [hit.score for hit in newest] == [microseconds(made[id]) for id in expected[:limit]]
    [second] = store.query(space, "caption", question(limit=1, offset=1, newest_of=5))
    assert second.id == expected[1]


@pytest.mark.parametrize("key", ["width", "a.b", "价格", "it's [0]", "50%"])
def test_ranges_of_keys_that_nobody_declared(store: VectorStore, space: str, key: str) -> None:
    """Numbers and times of one key do not get in each other's way."""
    values = [[3.0], [7.5, rfc3339(TIMES[1])], [rfc3339(TIMES[3])], []]
    points = [point(n) for n in range(4)]
    for one, ranges in zip(points, values, strict=True):
        one.payload["ranges"] = {key: ranges}
    store.upsert(space, "caption", [*points, point(4)])
    for wanted, expected in (
        (Range(key, gte=3.0), {0, 1}),
        (Range(key, gt=3.0, lt=7.5), set()),
        (Range(key, gt=3.0), {1}),
        (Range(key, gte=TIMES[0]), {1, 2}),
        (Range(key, gt=TIMES[1]), {2}),
        (Range(key, lt=TIMES[1]), set()),
    ):
        assert ids_of(store, space, Filter("north", ranges=(wanted,))) == {IDS[n] for n in expected}


def test_a_query_that_is_not_finite_is_refused(store: VectorStore, space: str) -> None:
    with pytest.raises(ValueError, match="NaN"):
        store.query(space, "caption", Query(np.full(8, np.nan, np.float32), 3, Filter("north")))


def test_no_tenant_sees_another(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(1, tenant="north"), point(2, tenant="south"), point(3, tenant="sou")]
    )
    assert ids_of(store, space, Filter("south")) == {IDS[2]}
    assert ids_of(store, space, Filter("south", ids=(IDS[1],))) == set()
    assert ids_of(store, space, Filter("nobody")) == set()
    assert ids_of(store, space, Filter("")) == set()


def test_tags_any_all_and_none(store: VectorStore, space: str) -> None:
    store.upsert(
        space,
        "caption",
        [point(1), point(2, tags=("red",)), point(3, tags=("red", "green")), point(4, tags=("красный",))],
    )
    assert ids_of(store, space, Filter("north", tags_any=("red", "красный"))) == {IDS[2], IDS[3], IDS[4]}
    assert ids_of(store, space, Filter("north", tags_all=("red", "green"))) == {IDS[3]}
    assert ids_of(store, space, Filter("north", tags_none=("green", "красный"))) == {IDS[1], IDS[2]}
    assert ids_of(store, space, Filter("north", tags_any=("red",), tags_none=("green",))) == {IDS[2]}
    assert ids_of(store, space, Filter("north", tags_any=("re",))) == set()


def test_all_metadata_must_be_there(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(1, metadata=("year=2024", "place=Rome")), point(2, metadata=("year=2024",))]
    )
    assert ids_of(store, space, Filter("north", metadata=("year=2024",))) == {IDS[1], IDS[2]}
    assert ids_of(store, space, Filter("north", metadata=("year=2024", "place=Rome"))) == {IDS[1]}
    assert ids_of(store, space, Filter("north", metadata=("year=202",))) == set()


def test_ids_given_none_given_and_excluded(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n) for n in range(4)])
    assert ids_of(store, space, Filter("north", ids=(IDS[1], IDS[9]))) == {IDS[1]}
    assert ids_of(store, space, Filter("north", ids=())) == set()
    assert ids_of(store, space, Filter("north", ids=None)) == set(IDS[:4])
    assert ids_of(store, space, Filter("north", not_ids=(IDS[0], IDS[9]))) == set(IDS[1:4])
    assert ids_of(store, space, Filter("north", ids=tuple(IDS[:3]), not_ids=(IDS[0],))) == set(IDS[1:3])


def test_thousands_of_ids(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n) for n in range(4)])
    strangers = tuple(f"{n:08x}-0000-4000-8000-000000000001" for n in range(5000))
    assert ids_of(store, space, Filter("north", ids=(*strangers, IDS[2]))) == {IDS[2]}
    assert ids_of(store, space, Filter("north", not_ids=(*strangers, IDS[2]))) == {IDS[0], IDS[1], IDS[3]}


def test_captions_of_some_pictures(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(4, image=0), point(5, image=1), point(6)])
    assert ids_of(store, space, Filter("north", image_ids=(IDS[0],))) == {IDS[4]}
    assert ids_of(store, space, Filter("north", image_ids=(IDS[0], IDS[1], IDS[2]))) == {IDS[4], IDS[5]}


def test_times_to_the_microsecond(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n, created=n, indexed=n) for n in range(4)])
    assert ids_of(store, space, Filter("north", created_after=TIMES[1])) == set(IDS[1:4])
    assert ids_of(store, space, Filter("north", created_before=TIMES[1])) == {IDS[0]}
    assert ids_of(store, space, Filter("north", created_after=TIMES[1], created_before=TIMES[3])) == set(
        IDS[1:3]
    )
    assert ids_of(store, space, Filter("north", indexed_before=TIMES[1])) == set(IDS[:2])
    assert ids_of(store, space, Filter("north", indexed_before=TIMES[0] - timedelta(microseconds=1))) == set()


def test_times_of_another_zone_and_of_none(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(n, created=n) for n in range(4)])
    tokyo = TIMES[2].astimezone(timezone(timedelta(hours=9)))
    assert ids_of(store, space, Filter("north", created_after=tokyo)) == set(IDS[2:4])
    assert ids_of(store, space, Filter("north", created_after=TIMES[2].replace(tzinfo=None))) == set(IDS[2:4])
    assert rfc3339(tokyo) == rfc3339(TIMES[2]) == "2026-02-01T00:00:00.000001Z"


def test_whether_a_metadata_key_is_there(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(1, keys=("year", "place")), point(2, keys=("year",)), point(3), point(4)]
    )
    assert ids_of(store, space, Filter("north", exists=("year",))) == {IDS[1], IDS[2]}
    assert ids_of(store, space, Filter("north", exists=("year", "place"))) == {IDS[1]}
    assert ids_of(store, space, Filter("north", missing=("place",))) == {IDS[2], IDS[3], IDS[4]}
    assert ids_of(store, space, Filter("north", missing=("place", "year"))) == {IDS[3], IDS[4]}
    assert ids_of(store, space, Filter("north", exists=("year",), missing=("place",))) == {IDS[2]}
    assert ids_of(store, space, Filter("north", exists=("yea",))) == set()


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"gte": 0}, {1, 2, 3}),
        ({"gt": 0}, {2, 3}),
        ({"lte": 3}, {0, 1, 2}),
        ({"lt": 3}, {0, 1}),
        ({"gte": -1.5, "lt": 4.25}, {0, 1, 2}),
        ({"gt": 3, "lt": 4.25}, set()),
        ({"gte": 4.25, "lte": 4.25}, {3}),
    ],
)
def test_ranges_of_numbers(
    store: VectorStore, space: str, bounds: dict[str, float], expected: set[int]
) -> None:
    store.upsert(space, "caption", [*(point(n, price=price) for n, price in enumerate(PRICES)), point(9)])
    found = ids_of(store, space, Filter("north", ranges=(Range("price", **bounds),)))
    assert found == {IDS[n] for n in expected}


def test_ranges_of_times_to_the_microsecond(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [*(point(n, taken=n) for n in range(4)), point(9)])
    within = Range("taken", gt=TIMES[0], lte=TIMES[2])
    assert ids_of(store, space, Filter("north", ranges=(within,))) == {IDS[1], IDS[2]}
    assert ids_of(store, space, Filter("north", ranges=(within, Range("taken", lt=TIMES[2])))) == {IDS[1]}


def test_one_of_several_values_must_be_in_range(store: VectorStore, space: str) -> None:
    several = point(1)
    several.payload["ranges"] = {"price": [1, 9]}
    store.upsert(space, "caption", [several])
    assert ids_of(store, space, Filter("north", ranges=(Range("price", gte=8),))) == {IDS[1]}
    assert ids_of(store, space, Filter("north", ranges=(Range("price", gte=2, lt=8),))) == set()


def test_whether_a_picture_has_captions(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(1, has_caption=True), point(2, has_caption=False), point(3)])
    assert ids_of(store, space, Filter("north", has_caption=True)) == {IDS[1]}
    assert ids_of(store, space, Filter("north", has_caption=False)) == {IDS[2], IDS[3]}
