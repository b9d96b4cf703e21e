"""Pages in every order that a search can have, while items come and go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.catalogue.search.queries import ListName, SearchQuery, TextPart
from backend.errors import InvalidCursor
from backend.store.base import Filter
from backend.store.edge import EdgeStore
from tests.support.search_queries import CAPTIONS, search_queries
from tests.support.shelf import RANGES, Shelf


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Shelf]]:
    """By whether pictures are found by their captions, too."""
    store = EdgeStore(tmp_path_factory.mktemp("store"), RANGES)
    both = {
        fuse: Shelf(tmp_path_factory.mktemp("shelf"), {"edge": store}, fuse_captions=fuse)
        for fuse in (False, True)
    }
    yield both
    for shelf in both.values():
        shelf.close()
    store.close()


TEXT, DIRECTION = st.sampled_from(CAPTIONS), st.integers(0, 8)
PICTURES = st.lists(st.tuples(DIRECTION, st.lists(TEXT, max_size=3)), max_size=12)
ALONE = st.lists(st.tuples(DIRECTION, TEXT), max_size=6)
EVENTS = st.lists(
    st.tuples(st.just("add"), DIRECTION, st.lists(TEXT, max_size=2))
    | st.tuples(st.just("delete"), st.integers(0, 99), st.booleans()),
    max_size=3,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    fuse=st.booleans(),
    query=search_queries(),
    pictures=PICTURES,
    alone=ALONE,
    limits=st.lists(st.integers(1, 7), min_size=1),
    events=st.lists(EVENTS, max_size=12),
)
def test_no_page_repeats_or_drops_a_hit(
    shelves: dict[bool, Shelf],
    fuse: bool,
    query: SearchQuery,
    pictures: list[tuple[int, list[str]]],
    alone: list[tuple[int, str]],
    limits: list[int],
    events: list[list[tuple[Any, ...]]],
) -> None:
    shelf = shelves[fuse]
    shelf.clear()
    original = [
        id for direction, texts in pictures for id in shelf.add("image", direction, texts, tags=["a"])
    ]
    original += [
        id for direction, text in alone for id in shelf.add("caption", direction, [text], tags=["b"])
    ]
    whole = shelf.search(replace(query, limit=1000))
    assert whole.next_cursor is None
    expected = {name: [hit.item.id for hit in hits] for name, hits in whole.hits.items()}
    seen: dict[ListName, list[str]] = {name: [] for name in expected}
    gone: set[str] = set()
    rarer = False  # How rare a word is depends on all that is there, and the order by words on that.
    for page in range(1000):
        found = shelf.search(replace(query, limit=limits[page % len(limits)]))
        for name, hits in found.hits.items():
            assert len(hits) <= limits[page % len(limits)]
            assert not gone & {hit.item.id for hit in hits}
            seen[name] += [hit.item.id for hit in hits]
        if found.next_cursor is None:
            break
        query = replace(query, cursor=found.next_cursor)
        for event in events[page] if page < len(events) else ():
            gone |= happen(shelf, event, original)
            rarer |= query.mode != "dense" and event[0] == "add"
    for name, ids in seen.items():
        assert len(ids) == len(set(ids))
        assert set(ids) <= set(expected[name])
        assert set(expected[name]) - gone <= set(ids)
        if not gone and not rarer:
            assert ids == expected[name]


def happen(shelf: Shelf, event: tuple[Any, ...], original: list[str]) -> set[str]:
    name, which, how = event
    if name == "add":
        shelf.add("image", which, how, tags=["a"])
        return set()
    alive = [id for id in original if id in shelf.catalogue.get(shelf.tenant, original)]
    return set(shelf.delete(alive[which % len(alive)], from_stores=how)) if alive else set()


@pytest.mark.parametrize(
    "options",
    [
        {"merge": "rrf"},
        {"diversify": 0.5},
        {"group_by": "image"},
        {"order_by": "created_at"},
        {"mode": "hybrid"},
    ],
)
def test_many_hits_are_paged_through(shelves: dict[bool, Shelf], options: dict[str, Any]) -> None:
    shelf = shelves[False]
    shelf.clear()
    for n in range(6):
        shelf.add("image", n, ["a red dog"] * 50)
    query = SearchQuery((TextPart("red dog"),), Filter(""), **options)
    whole = shelf.search(replace(query, limit=1000)).hits
    seen: dict[ListName, list[str]] = {name: [] for name in whole}
    cursor: str | None = ""
    while cursor is not None:
        found = shelf.search(replace(query, limit=90, cursor=cursor or None))
        cursor = found.next_cursor
        for name, hits in found.hits.items():
            seen[name] += [hit.item.id for hit in hits]
    assert {name: set(ids) for name, ids in seen.items()} == {
        name: {hit.item.id for hit in hits} for name, hits in whole.items()
    }
    assert all(len(ids) == len(set(ids)) for ids in seen.values())


def test_siblings_come_from_far_below(shelves: dict[bool, Shelf]) -> None:
    """Captions that rank behind more hits than are looked at for a page."""
    shelf = shelves[False]
    shelf.clear()
    query = SearchQuery((TextPart("red"),), Filter(""), limit=1, group_by="image")
    both = [shelf.add("image", n, ["the red cat"] * 45) for n in (0, 4)]
    captions = [hit.item for hit in shelf.search(replace(query, limit=1000, group_by=None)).hits["caption"]]
    last = [max(n for n, item in enumerate(captions) if item.image_id == group[0]) for group in both]
    assert min(last) > 40  # Their captions are scattered among each other.
    found = shelf.search(replace(query, limit=45)).hits["caption"]
    assert len({hit.item.image_id for hit in found}) == 1
    assert len(found) == 45
    merged = shelf.search(replace(query, limit=46, merge="rrf")).hits["merged"]
    assert {hit.item.id for hit in merged} in [set(group) for group in both]
    assert merged[0].item.kind == "image"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=search_queries(), second=search_queries())
def test_a_cursor_fits_no_other_query(
    shelves: dict[bool, Shelf], first: SearchQuery, second: SearchQuery
) -> None:
    shelf = shelves[False]
    shelf.clear()
    for n in range(4):
        shelf.add("image", n, CAPTIONS[:3], tags=["a"], metadata={"price": 3})
    cursor = shelf.search(replace(first, limit=1)).next_cursor
    if cursor is None or replace(first, kinds=tuple(sorted(first.kinds))) == replace(
        second, kinds=tuple(sorted(second.kinds))
    ):
        return
    with pytest.raises(InvalidCursor):
        shelf.search(replace(second, cursor=cursor))
