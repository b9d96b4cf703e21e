from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from backend.catalogue.projection import (
    Projection,
    keyword,
    keyword_prefix,
    keywords,
    payload,
    project,
    range_values,
)
from backend.settings import RangeKind
from backend.store import lexical
from backend.store.base import Filter, Kind, Point, Query
from backend.store.edge import EdgeStore
from encoders.base import Space
from tests.support.items import SPACE, TENANT, add_caption, add_image, claim, index, read

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "vectors")
    opened.ensure_space(Space(SPACE, 4, "0" * 64, ("en",), "Apache-2.0"))
    yield opened
    opened.close()


def test_scalar_metadata_become_keywords() -> None:
    metadata = {
        "s": "a=b",
        "i": 3,
        "f": 1.5,
        "t": True,
        "n": None,
        "list": ["x", 2, ["deep"]],
        "o": {"a": 1},
    }
    assert keywords(metadata) == ["s=a=b", "i=3", "f=1.5", "t=true", "n=null", "list=x", "list=2"]


@given(st.floats(allow_nan=False, allow_infinity=False).filter(float.is_integer))
def test_a_number_is_the_same_however_it_is_spelt(number: float) -> None:
    assert keyword("k", number) == keyword("k", int(number))


@given(*[st.text("a=%3D25", max_size=4)] * 4)
def test_two_conditions_are_the_same_only_if_key_and_value_are(a: str, b: str, c: str, d: str) -> None:
    assert (keyword(a, b) == keyword(c, d)) == ((a, b) == (c, d))
    assert keyword(a, b).removeprefix(keyword_prefix(a)) == b


def test_a_payload_holds_what_filters_ask_for(catalogue: Catalogue) -> None:
    image = add_image(catalogue, "cat", tags=("a",), metadata={"k": "v"})
    caption = add_caption(catalogue, "a cat", image.id)
    assert payload(image, TIME) == {
        "tenant": TENANT,
        "kind": "image",
        "tags": ["a"],
        "metadata": ["k=v"],
        "metadata_keys": ["k"],
        "ranges": {},
        "created_at": "2026-01-02T03:04:05.678901Z",
        "indexed_at": "2026-01-02T03:04:05.678901Z",
    }
    assert payload(caption, TIME)["image_id"] == image.id


def test_projecting_writes_changed_payloads_once(catalogue: Catalogue, store: EdgeStore) -> None:
    item = add_image(catalogue, "cat", tags=("old",))
    write(catalogue, store, item)
    indexed_at = store.get(SPACE, "image", [item.id])[0].payload["indexed_at"]
    catalogue.patch(TENANT, item.id, ["new"], {"k": 1})
    assert project(catalogue, store) == 1
    (point,) = store.get(SPACE, "image", [item.id])
    assert (point.payload["tags"], point.payload["metadata"]) == (["new"], ["k=1"])
    assert point.payload["indexed_at"] == indexed_at
    assert project(catalogue, store) == 0


def test_values_of_range_fields_are_those_of_the_declared_kind() -> None:
    ranges: dict[str, RangeKind] = {"price": "number", "taken": "datetime", "absent": "number"}
    metadata = {
        "price": [3, 1.5, True, "7", None, 10**400],
        "taken": [
            "2024-05-01",
            "2024-05-01T10:00:00+02:00",
            "yesterday",
            20240501,
            "0001-01-01T00:00:00+14:00",
        ],
        "other": [3, "2024-05-01", "rest"],
        "text": "rest",
    }
    assert range_values(metadata, ranges) == {
        "price": [3.0, 1.5],
        "taken": ["2024-05-01T00:00:00.000000Z", "2024-05-01T08:00:00.000000Z"],
        "other": [3.0, "2024-05-01T00:00:00.000000Z"],
    }


def found_by(store: EdgeStore, words: str) -> list[str]:
    question = Query(lexical.query(words), 10, Filter(TENANT))
    return [hit.id for hit in store.query(SPACE, "image", question)]


def write(catalogue: Catalogue, store: EdgeStore, item: Item) -> None:
    index(catalogue, item)
    indexed_at = read(catalogue, item.id).indexed_at or TIME
    points = Projection(catalogue.captions, {}).points([(item, np.ones(4, np.float32))], indexed_at)
    store.upsert(SPACE, item.kind, points)


def test_a_picture_is_found_by_its_captions_from_the_moment_it_is_written(
    catalogue: Catalogue, store: EdgeStore
) -> None:
    item = add_image(catalogue, "cat")
    add_caption(catalogue, "a cat", item.id)
    add_caption(catalogue, "zwei Katzen", item.id)
    write(catalogue, store, item)
    assert found_by(store, "cat") == found_by(store, "Katzen") == [item.id]
    assert store.count(SPACE, "image", Filter(TENANT, has_caption=True)) == 1


def test_a_caption_that_comes_or_goes_changes_what_its_picture_is_found_by(
    catalogue: Catalogue, store: EdgeStore
) -> None:
    item = add_image(catalogue, "cat")
    write(catalogue, store, item)
    assert store.count(SPACE, "image", Filter(TENANT, has_caption=False)) == 1
    caption = add_caption(catalogue, "a cat", item.id)
    assert project(catalogue, store) == 1
    assert found_by(store, "cat") == [item.id]
    assert store.count(SPACE, "image", Filter(TENANT, has_caption=True)) == 1
    catalogue.delete(TENANT, caption.id)
    assert project(catalogue, store) == 1
    assert found_by(store, "cat") == []
    assert store.count(SPACE, "image", Filter(TENANT, has_caption=False)) == 1
    (point,) = store.get(SPACE, "image", [item.id])
    assert point.vector == pytest.approx(np.full(4, 0.5)), "the dense vector is left alone"


def test_what_changes_no_caption_makes_no_picture_stale(catalogue: Catalogue, store: EdgeStore) -> None:
    item = add_image(catalogue, "cat")
    caption = add_caption(catalogue, "a cat", item.id)
    write(catalogue, store, item)
    add_caption(catalogue, "a cat", item.id)
    add_caption(catalogue, "of no picture")
    catalogue.delete(TENANT, add_caption(catalogue, "of none either").id)
    assert catalogue.upkeep.stale(10) == []
    catalogue.patch(TENANT, caption.id, ["new"], None)
    assert [claim.item.id for claim in catalogue.upkeep.stale(10)] == [caption.id]


def test_a_caption_that_comes_while_its_picture_is_in_work_is_not_missed(
    catalogue: Catalogue, store: EdgeStore
) -> None:
    item = add_image(catalogue, "cat")
    claims = claim(catalogue)
    points = Projection(catalogue.captions, {}).points([(item, np.ones(4, np.float32))], TIME)
    add_caption(catalogue, "a cat", item.id)
    store.upsert(SPACE, "image", points)
    catalogue.claims.indexed(SPACE, TIME, claims)
    assert project(catalogue, store) == 1
    assert found_by(store, "cat") == [item.id]


def test_an_item_without_a_point_is_left_to_its_encoding(catalogue: Catalogue, store: EdgeStore) -> None:
    item = add_image(catalogue, "cat")
    index(catalogue, item)
    catalogue.upkeep.lost(SPACE, [item.id])
    catalogue.patch(TENANT, item.id, ["new"], None)
    assert project(catalogue, store) == 1
    assert store.count(SPACE, "image") == 0


class FussyStore:
    """Refuses every request in which one point is."""

    def __init__(self, store: EdgeStore, refused: str) -> None:
        self._store, self._refused = store, refused

    def refresh(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        if self._refused in [point.id for point in points]:
            raise ValueError("Qdrant refused: 413")
        self._store.refresh(space, kind, points)


def test_a_point_that_the_store_refuses_holds_up_no_other(catalogue: Catalogue, store: EdgeStore) -> None:
    items = []
    for number in range(7):
        items.append(add_image(catalogue, f"cat {number}"))
        write(catalogue, store, items[-1])
    for item in items:
        catalogue.patch(TENANT, item.id, ["new"], None)
    assert project(catalogue, FussyStore(store, items[2].id)) == 7
    points = store.get(SPACE, "image", [item.id for item in items])
    assert [point.payload["tags"] for point in points] == [["new"], ["new"], [], *[["new"]] * 4]
    assert project(catalogue, store) == 0, "it is not tried for ever"
