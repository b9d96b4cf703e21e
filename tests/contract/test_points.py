"""Spaces and points, whatever the engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.errors import ConfigurationError
from backend.store.base import KINDS, Filter, MissingSpace, Point, Range, VectorStore
from encoders.base import Space
from tests.contract.conftest import new_space
from tests.contract.model import DIM, IDS, VECTORS, point, question, words

NORTH = Filter("north")
ABSENT = "never-ensured-1"


def test_ensuring_a_space_again_keeps_its_points(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1)])
    store.ensure_space(Space(space, DIM, "f", (), ""))
    assert store.count(space, "image") == 1


def test_spaces_are_listed_until_they_are_dropped(store: VectorStore) -> None:
    space = new_space()
    store.ensure_space(space)
    assert space.name in store.spaces()
    store.drop_space(space.name)
    assert space.name not in store.spaces()
    store.drop_space(space.name)


def test_a_space_that_was_dropped_comes_back_empty(store: VectorStore) -> None:
    space = new_space()
    store.ensure_space(space)
    store.upsert(space.name, "image", [point(1)])
    store.drop_space(space.name)
    store.ensure_space(space)
    assert store.count(space.name, "image") == 0
    store.drop_space(space.name)


def test_another_dimension_under_the_same_name_is_refused(store: VectorStore, space: str) -> None:
    with pytest.raises(ConfigurationError):
        store.ensure_space(Space(space, DIM + 1, "f", (), ""))


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Upper", "-x"])
def test_a_name_that_is_no_safe_part_of_a_path_is_refused(store: VectorStore, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a space"):
        store.ensure_space(Space(name, DIM, "f", (), ""))
    with pytest.raises(ValueError, match="no name of a space"):
        store.drop_space(name)


def test_vectors_come_without_the_rest(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(n, vector=n) for n in range(3)])
    found = store.vectors(space, "image", [IDS[2], IDS[9], IDS[0]])
    assert found.keys() == {IDS[0], IDS[2]}
    for n in (0, 2):
        assert np.allclose(found[IDS[n]], VECTORS[n], atol=1e-6)


def test_a_space_that_is_not_there_reads_as_empty(store: VectorStore) -> None:
    for kind in KINDS:
        assert store.vectors(ABSENT, kind, IDS) == {}
        assert store.query(ABSENT, kind, question()) == []
        assert store.query_batch(ABSENT, kind, [question(), question(1)]) == [[], []]
        assert store.count(ABSENT, kind) == 0
        assert store.count(ABSENT, kind, NORTH) == 0
        assert store.get(ABSENT, kind, IDS) == []
        assert store.scroll(ABSENT, kind) == ([], None)
        assert store.sample(ABSENT, kind, 3, NORTH) == []
        store.delete(ABSENT, kind, IDS[:1])
        store.set_payload(ABSENT, kind, IDS[0], {"tags": []})
        store.refresh(ABSENT, kind, [point(0)])
        assert store.query(ABSENT, kind, words("dog")) == []
        assert store.facet(ABSENT, kind, "tags", 3, NORTH) == []
    assert ABSENT not in store.spaces()


def test_writing_to_a_space_that_is_not_there_says_so(store: VectorStore) -> None:
    with pytest.raises(MissingSpace):
        store.upsert(ABSENT, "image", [point(1)])


def test_kinds_are_apart(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1)])
    assert store.count(space, "caption") == 0
    store.delete(space, "caption", [IDS[1]])
    assert store.count(space, "image") == 1


def test_points_come_back_as_they_went_in_and_in_the_order_asked_for(store: VectorStore, space: str) -> None:
    points = [point(n, vector=n, tags=("red", "标签"), metadata=("a=b=c",), image=3) for n in range(4)]
    store.upsert(space, "caption", points)
    asked = [IDS[3], IDS[9], IDS[0]]
    found = store.get(space, "caption", asked)
    assert [point.id for point in found] == [IDS[3], IDS[0]]
    assert [point.payload for point in found] == [points[3].payload, points[0].payload]
    np.testing.assert_allclose([point.vector for point in found], VECTORS[[3, 0]], atol=1e-6)
    assert all(point.vector is not None and point.vector.dtype == np.float32 for point in found)
    assert store.get(space, "caption", []) == []


def test_vectors_are_compared_by_direction_alone(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [Point(IDS[1], VECTORS[0] * 7, {"tenant": "north"})])
    (hit,) = store.query(space, "image", question())
    assert hit.score == pytest.approx(float(VECTORS[0] @ question().vector), abs=1e-5)


def test_upserting_again_replaces_vector_and_payload(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1, tags=("red",), image=2)])
    store.upsert(space, "image", [point(1, vector=2, tags=("green",))])
    (found,) = store.get(space, "image", [IDS[1]])
    assert found.payload["tags"] == ["green"]
    assert "image_id" not in found.payload
    np.testing.assert_allclose(found.vector, VECTORS[2], atol=1e-6)
    assert store.count(space, "image", Filter("north", tags_any=("red",))) == 0
    assert store.count(space, "image") == 1


def test_the_last_of_equal_ids_in_one_upsert_stands(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1, tags=("red",)), point(1, tags=("green",))])
    assert store.get(space, "image", [IDS[1]])[0].payload["tags"] == ["green"]
    assert store.count(space, "image") == 1


def test_more_points_than_one_request_takes(store: VectorStore, space: str) -> None:
    ids = [f"00000000-0000-4000-8000-{n:012x}" for n in range(600)]
    store.upsert(space, "image", [Point(id, VECTORS[n % 7], {"tenant": "north"}) for n, id in enumerate(ids)])
    assert store.count(space, "image") == 600
    store.delete(space, "image", ids[1:])
    assert store.scroll(space, "image") == ([ids[0]], None)


def test_nothing_to_do_is_fine(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [])
    store.delete(space, "image", [])
    assert store.query_batch(space, "image", []) == []
    assert store.query(space, "image", question()) == []


def test_deleted_points_are_found_by_nothing(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1), point(2)])
    store.delete(space, "image", [IDS[1], IDS[7]])
    store.delete(space, "image", [IDS[1]])
    assert [hit.id for hit in store.query(space, "image", question())] == [IDS[2]]
    assert store.get(space, "image", [IDS[1]]) == []
    assert store.scroll(space, "image") == ([IDS[2]], None)
    assert store.count(space, "image", Filter("north", ids=(IDS[1],))) == 0


def test_setting_payload_replaces_these_keys_alone(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1, tags=("red", "green"), metadata=("place=Rome",)), point(2)])
    store.set_payload(space, "image", IDS[1], {"tags": ["wide angle"]})
    (found,) = store.get(space, "image", [IDS[1]])
    assert found.payload["tags"] == ["wide angle"]
    assert found.payload["metadata"] == ["place=Rome"]
    assert store.count(space, "image", Filter("north", tags_any=("red",))) == 0
    assert store.count(space, "image", Filter("north", tags_any=("wide angle",))) == 1


def test_setting_payload_replaces_nested_values_whole(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1, price=3, taken=1)])
    store.set_payload(space, "image", IDS[1], {"ranges": {"price": [4.25]}})
    (found,) = store.get(space, "image", [IDS[1]])
    assert found.payload["ranges"] == {"price": [4.25]}
    store.set_payload(space, "image", IDS[1], {"ranges": {}})
    assert store.count(space, "image", Filter("north", ranges=(Range("price", gt=0),))) == 0


def test_refreshing_replaces_payload_and_words_and_no_dense_vector(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1, vector=3, tags=("red",), text="a dog"), point(2, text="a dog")])
    fresh = point(1, tags=("green",), text="a cat")
    store.refresh(space, "image", [replace(fresh, vector=None)])
    (found,) = store.get(space, "image", [IDS[1]])
    assert found.payload == fresh.payload
    assert found.vector == pytest.approx(VECTORS[3], abs=1e-6)
    assert [hit.id for hit in store.query(space, "image", words("dog"))] == [IDS[2]]
    assert [hit.id for hit in store.query(space, "image", words("cat"))] == [IDS[1]]
    store.refresh(space, "image", [point(1)])
    assert store.query(space, "image", words("cat")) == []


def test_refreshing_makes_no_points(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(1)])
    store.refresh(space, "image", [point(2, text="a dog"), point(1, text="a dog")])
    store.refresh(space, "image", [])
    assert store.scroll(space, "image")[0] == [IDS[1]]
    assert [hit.id for hit in store.query(space, "image", words("dog"))] == [IDS[1]]


def test_setting_payload_of_a_point_that_is_not_there_makes_none(store: VectorStore, space: str) -> None:
    store.set_payload(space, "image", IDS[1], {"tags": ["red"]})
    assert store.count(space, "image") == 0


@pytest.mark.parametrize(
    "vector",
    [None, np.ones(DIM + 1, np.float32), np.full(DIM, np.nan, np.float32), np.full(DIM, np.inf, np.float32)],
    ids=["none", "another dimension", "NaN", "infinity"],
)
def test_a_vector_that_cannot_be_stored_is_refused(
    store: VectorStore, space: str, vector: np.ndarray | None
) -> None:
    with pytest.raises(ValueError, match=r"vector|Vector"):
        store.upsert(space, "image", [Point(IDS[1], vector, {"tenant": "north"})])
    assert store.count(space, "image") == 0


def test_scrolling_meets_every_point_once_in_the_order_of_ids(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(n) for n in range(11)])
    met, after = [], None
    while True:
        page, after = store.scroll(space, "image", limit=4, after=after)
        met += page
        if after is None:
            break
        assert len(page) == 4
    assert met == sorted(IDS[:11])


def test_scrolling_goes_on_when_the_place_to_go_on_from_is_deleted(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(n) for n in range(6)])
    page, after = store.scroll(space, "image", limit=2)
    store.delete(space, "image", [id for id in (after,) if id in IDS])
    rest, _ = store.scroll(space, "image", limit=10, after=after)
    assert page + rest == [id for id in sorted(IDS[:6]) if id != after]


def test_samples_differ_and_stay_inside_the_filter(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "image", [point(n, vector=n % 7, tenant="north" if n < 12 else "south") for n in range(16)]
    )
    samples = [store.sample(space, "image", 4, NORTH) for _ in range(12)]
    assert all(len({point.id for point in sample}) == 4 for sample in samples)
    assert {point.id for sample in samples for point in sample} <= set(IDS[:12])
    assert len({tuple(point.id for point in sample) for sample in samples}) > 1
    assert all(point.vector is not None and point.payload["tenant"] == "north" for point in samples[0])
    assert len(store.sample(space, "image", 50, NORTH)) == 12


def test_a_store_that_answers_passes_its_check(store: VectorStore) -> None:
    store.check()


def test_optimizing_changes_no_answer(store: VectorStore, space: str) -> None:
    store.upsert(space, "image", [point(n, vector=n % 7) for n in range(16)])
    before = store.query(space, "image", question(limit=16))
    store.optimize()
    assert store.query(space, "image", question(limit=16)) == before
    store.upsert(space, "image", [point(3, vector=3)])
    assert store.query(space, "image", question(limit=16)) == before
