"""Pictures found by what their captions mean, inside a filter: what is outside changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from backend.catalogue.search import captions_within
from backend.catalogue.search.queries import SearchQuery, TextPart
from backend.store.base import Filter
from backend.store.edge import EdgeStore
from tests.support.shelf import RANGES, Shelf

QUERY = SearchQuery((TextPart("red"),), Filter("", tags_any=("mine",)), ("image",), limit=8)
OPTIONS: list[dict[str, Any]] = [{}, {"mode": "hybrid"}, {"min_score": 0.0}, {"group_by": "image"}]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    store = EdgeStore(folder / "vectors", RANGES)
    opened = Shelf(folder, {"edge": store}, fuse_captions=True)
    yield opened
    opened.close()
    store.close()


def rankings(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Whether the filtered pictures are so few that their captions are asked for by ids, or not."""
    found = []
    for few in (1, captions_within.FEW):
        monkeypatch.setattr(captions_within, "FEW", few)
        found += [ranking(shelf, replace(QUERY, **options)) for options in OPTIONS]
    return found


def ranking(shelf: Shelf, query: SearchQuery = QUERY) -> list[str]:
    return [hit.item.id for hit in shelf.search(query).hits["image"]]


def test_pictures_rank_as_if_there_were_no_others(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.clear()
    for n in range(6):
        shelf.add("image", n, ["something mine"], tags=["mine"])
    alone = rankings(shelf, monkeypatch)
    assert all(len(ids) > 3 for ids in alone)
    shelf.add("caption", 0, ["standing alone"] * 90, tags=["mine"])
    for n in range(12):
        shelf.add("image", n, ["something else"] * 20, tags=["others"])
    assert rankings(shelf, monkeypatch) == alone


def test_a_filter_that_nothing_passes_finds_nothing(shelf: Shelf) -> None:
    shelf.clear()
    shelf.add("image", 0, ["something else"], tags=["others"])
    assert ranking(shelf) == []


def test_what_leaves_single_pictures_out_is_no_narrow_filter() -> None:
    assert not captions_within.is_narrow(Filter("t", not_ids=("x",)))
    assert captions_within.is_narrow(Filter("t", has_caption=False))
    assert captions_within.is_narrow(Filter("t", ids=()))
