"""Plans and pages over a real catalogue and a real store, while items come and go."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, NewImage
from backend.catalogue.projection import payload
from backend.catalogue.search.queries import Hit, ItemPart, SearchQuery, TextPart
from backend.catalogue.search.query_vectors import QueryEncoder, combine
from backend.catalogue.search.searcher import Searcher
from backend.errors import InvalidRequest, NotFound
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import KINDS, Filter, Kind, Point, Vector
from backend.store.edge import EdgeStore
from tests.support.encoders import ColourEncoder


class Library:
    """Items whose vectors are given, so that equal scores can be made on purpose."""

    def __init__(self, folder: Path) -> None:
        self.encoder = ColourEncoder(dim=8)
        self.space = self.encoder.space.name
        self.catalogue = Catalogue(f"sqlite:///{folder}/catalogue.db")
        self.store = EdgeStore(folder / "vectors")
        self.store.ensure_space(self.encoder.space)
        originals, options = Originals(str(folder / "originals")), Settings()
        self.vectors = QueryEncoder(lambda: self.encoder, options, lambda *_: None)
        self.searcher = Searcher(self.catalogue, self.store, originals, self.vectors, options)
        self.tenant = ""
        self._number = 0

    def close(self) -> None:
        self.searcher.close()
        self.vectors.close()
        self.store.close()
        self.catalogue.close()

    @property
    def red(self) -> SearchQuery:
        return SearchQuery((TextPart("red"),), Filter(self.tenant))

    def add(self, kind: Kind, likeness: float, tenant: str | None = None) -> str:
        return self.add_all(kind, [likeness], tenant)[0]

    def add_all(self, kind: Kind, likenesses: Sequence[float], tenant: str | None = None) -> list[str]:
        """Items whose cosines to "red" are these, or nearly."""
        added = self._add_to_catalogue(kind, len(likenesses), tenant or self.tenant)
        likeness = dict(zip(added, likenesses, strict=True))
        now = datetime.now(UTC)
        claims = self.catalogue.claims.claim(self.space, "worker", len(added), 60)
        points = [
            Point(claim.item.id, self._vector(likeness[claim.item.id]), payload(claim.item, now))
            for claim in claims
        ]
        self.store.upsert(self.space, kind, points)
        self.catalogue.claims.indexed(self.space, now, claims)
        return added

    def _add_to_catalogue(self, kind: Kind, number: int, tenant: str) -> list[str]:
        names = [str(self._number + i) for i in range(number)]
        self._number += number
        if kind == "caption":
            added = self.catalogue.add_captions(tenant, [NewCaption(f"caption {name}") for name in names])
        else:
            digests = [hashlib.sha256(name.encode()).hexdigest() for name in names]
            images = [NewImage(digest, "key", "a.jpg", "image/jpeg", 1, 1) for digest in digests]
            added = self.catalogue.add_images(tenant, images)
        return [one.item.id for one in added]

    def _vector(self, likeness: float) -> Vector:
        red = self.encoder.encode_texts(["red"])[0]
        other = np.roll(red, 1) - (np.roll(red, 1) @ red) * red
        other /= np.linalg.norm(other)
        return (likeness * red + np.sqrt(1 - likeness**2) * other).astype(np.float32)

    def delete(self, id: str, *, from_store: bool = True) -> None:
        for item in self.catalogue.delete(self.tenant, id):
            if from_store:
                self.store.delete(self.space, item.kind, [item.id])

    def search(self, **changes: Any) -> dict[Kind, list[Hit]]:
        return self.searcher.search(replace(self.red, **changes)).hits


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = Library(tmp_path_factory.mktemp("library"))
    yield library
    library.close()


@pytest.fixture
def library(shared: Library) -> Library:
    """Every test has a tenant of its own in it."""
    shared.tenant = str(uuid.uuid4())
    return shared


def ids(hits: list[Hit]) -> list[str]:
    return [hit.item.id for hit in hits]


def test_both_modalities_are_ranked_apart(library: Library) -> None:
    far, near = library.add("image", 0.2), library.add("image", 0.9)
    caption = library.add("caption", 0.5)
    hits = library.search()
    assert ids(hits["image"]) == [near, far]
    assert ids(hits["caption"]) == [caption]
    assert [hit.score for hit in hits["image"]] == pytest.approx([0.9, 0.2], abs=2e-3)


def test_other_tenants_are_never_found_nor_searched_with(library: Library) -> None:
    library.add("image", 0.9, "bob")
    theirs = library.add("caption", 0.9, "bob")
    assert library.search() == {"image": [], "caption": []}
    with pytest.raises(NotFound):
        library.search(parts=(ItemPart(theirs),))


def test_an_item_of_the_query_is_left_out_of_every_page(library: Library) -> None:
    items = library.add_all("image", [0.9 - i / 10 for i in range(5)])
    query = replace(library.red, parts=(ItemPart(items[2]),), limit=1)
    pages = list(walk(library, query))
    assert sorted(ids([hit for page in pages for hit in page["image"]])) == sorted(items[:2] + items[3:])


def test_what_the_catalogue_no_longer_knows_is_skipped_and_replaced(library: Library) -> None:
    items = library.add_all("image", [0.9 - i / 100 for i in range(60)])
    for id in items[:30]:
        library.delete(id, from_store=False)
    assert ids(library.search(limit=5)["image"]) == items[30:35]


def test_points_of_another_space_are_not_found(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.add("image", 0.9)
    monkeypatch.setattr(library.encoder, "space", replace(library.encoder.space, name="colour-other"))
    assert library.search() == {"image": [], "caption": []}


# -- pages ------------------------------------------------------------------------------------
def walk(library: Library, query: SearchQuery) -> Iterator[dict[Kind, list[Hit]]]:
    while True:
        found = library.searcher.search(query)
        yield found.hits
        if found.next_cursor is None:
            return
        query = replace(query, cursor=found.next_cursor)


# Few different scores, so that many are equal; everything that may happen between two pages.
LIKENESS = st.sampled_from([0.1, 0.5, 0.5, 0.9])
ITEMS = st.lists(st.tuples(st.sampled_from(KINDS), LIKENESS), min_size=1, max_size=30)
EVENTS = st.lists(
    st.tuples(st.just("add"), st.sampled_from(KINDS), LIKENESS)
    | st.tuples(st.just("delete"), st.integers(0, 99), st.booleans())
    | st.tuples(st.just("tag"), st.integers(0, 99), st.none()),
    max_size=3,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(items=ITEMS, limits=st.lists(st.integers(1, 7), min_size=1), events=st.lists(EVENTS, max_size=20))
def test_pages_give_every_surviving_hit_once_and_in_order(
    shared: Library,
    items: list[tuple[Kind, float]],
    limits: list[int],
    events: list[list[tuple[Any, ...]]],
) -> None:
    shared.tenant = str(uuid.uuid4())
    original = [
        id
        for kind in KINDS
        if (likenesses := [likeness for one, likeness in items if one == kind])
        for id in shared.add_all(kind, likenesses)
    ]
    query, whole = shared.red, shared.search(limit=1000)
    seen: dict[Kind, list[Hit]] = {kind: [] for kind in KINDS}
    given_out, gone = set(), set()
    for page in count():
        found = shared.searcher.search(replace(query, limit=limits[page % len(limits)]))
        for kind in KINDS:
            seen[kind] += found.hits[kind]
            given_out |= set(ids(found.hits[kind]))
        if found.next_cursor is None:
            break
        query = replace(query, cursor=found.next_cursor)
        for event in events[page] if page < len(events) else ():
            happen(shared, event, original, gone)
    for kind in KINDS:
        expected = [hit for hit in whole[kind] if hit.item.id not in gone or hit.item.id in given_out]
        assert ids(seen[kind]) == ids(expected)
        assert [hit.score for hit in seen[kind]] == [hit.score for hit in expected]


def happen(library: Library, event: tuple[Any, ...], original: list[str], gone: set[str]) -> None:
    name, which, how = event
    if name == "add":
        library.add(which, how)
        return
    id = original[which % len(original)]
    if id in gone:
        return
    if name == "delete":
        library.delete(id, from_store=how)
        gone.add(id)
    else:
        item = library.catalogue.patch(library.tenant, id, [f"tag {which}"], None)
        library.store.set_payload(library.space, item.kind, id, payload(item, item.indexed_at))


def test_many_equal_scores_are_paged_through(library: Library) -> None:
    items = library.add_all("caption", [0.5] * 50)
    pages = [page["caption"] for page in walk(library, replace(library.red, limit=7))]
    assert ids([hit for page in pages for hit in page]) == sorted(items)


# -- combining --------------------------------------------------------------------------------
def test_a_combination_is_the_normalised_weighted_sum() -> None:
    first, second = np.eye(4, dtype=np.float32)[:2]
    assert combine([first, second], [3, -4]) == pytest.approx([0.6, -0.8, 0, 0])
    assert combine([first], [-2]) == pytest.approx([-1, 0, 0, 0])
    assert combine([first], [1e-300]) == pytest.approx([1, 0, 0, 0])
    assert combine([first, second], [1e300, 0]) == pytest.approx([1, 0, 0, 0])


@pytest.mark.parametrize("weights", [[0, 0], [1, -1], [1e-300, -1e-300], [1000, -1000.001]])
def test_a_combination_of_which_nothing_is_left_is_refused(weights: list[float]) -> None:
    vector = np.eye(4, dtype=np.float32)[0]
    with pytest.raises(InvalidRequest) as caught:
        combine([vector, vector], weights)
    assert caught.value.errors[0]["field"] == "query"


@given(
    st.lists(
        st.tuples(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.floats(-1000, 1000)),
        min_size=1,
        max_size=16,
    )
)
def test_a_combination_is_of_unit_length_or_refused(parts: list[tuple[list[float], float]]) -> None:
    vectors = [np.array(values, np.float32) + 2 for values, _ in parts]
    vectors = [vector / np.linalg.norm(vector) for vector in vectors]
    try:
        combined = combine(vectors, [weight for _, weight in parts])
    except InvalidRequest:
        return
    assert np.linalg.norm(combined) == pytest.approx(1, abs=1e-5)
