"""Hits by date: the same ones as by relevance, read a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from backend.catalogue.items import Item
from backend.catalogue.search.queries import SearchQuery, TextPart
from backend.store.base import Filter
from backend.store.edge import EdgeStore
from tests.support.search_queries import CAPTIONS, search_queries
from tests.support.shelf import RANGES, Shelf


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    store = EdgeStore(folder / "vectors", RANGES)
    filled = Shelf(folder, {"edge": store}, fuse_captions=True)
    filled.clear()
    for n in range(30):
        texts = CAPTIONS[n % 5 : n % 5 + n % 3]
        filled.add("image", n * 5 % 9, texts, tags=["ab"[n % 2]], metadata={"price": n % 5})
    yield filled
    filled.close()
    store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=search_queries())
def test_they_are_those_by_relevance_in_the_order_of_their_dates(shelf: Shelf, query: SearchQuery) -> None:
    query = replace(query, diversify=0.0, group_by=None, order_by="relevance", limit=1000)
    by_relevance = shelf.search(query).hits
    for limit in (1000, 7):
        by_date = shelf.search(replace(query, order_by="created_at", limit=limit)).hits
        for name, hits in by_relevance.items():
            newest = sorted(hits, key=lambda hit: (-hit.item.created_at.timestamp(), hit.item.id))
            assert by_date[name] == newest[:limit]


def test_no_more_items_are_looked_up_than_a_page_shows(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []
    get = shelf.catalogue.get

    def spy(tenant: str, ids: Sequence[str]) -> dict[str, Item]:
        looked_up.extend(ids)
        return get(tenant, ids)

    monkeypatch.setattr(shelf.catalogue, "get", spy)
    query = SearchQuery((TextPart("red"),), Filter(""), ("image",), limit=3, order_by="created_at")
    found = shelf.search(query).hits["image"]
    assert sorted(looked_up) == sorted(hit.item.id for hit in found)
