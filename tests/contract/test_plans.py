"""One plan on Qdrant Edge and on the server's adapter: the same answers, page by page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from qdrant_client import QdrantClient

from backend.catalogue.search.queries import Found, SearchQuery
from backend.store.edge import EdgeStore
from backend.store.server import ServerStore
from tests.support.search_queries import CAPTIONS, search_queries
from tests.support.shelf import RANGES, Shelf


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
        edge, server = EdgeStore(folder / "vectors", RANGES), ServerStore(QdrantClient(":memory:"), RANGES)
        filled = Shelf(folder, {"edge": edge, "server": server})
        filled.clear()
        for n in range(24):
            texts = CAPTIONS[: n % 4]
            filled.add(
                "image", n, texts, tags=["a"] if n % 2 else ["b"], metadata={"price": n % 5} if n % 3 else {}
            )
            if n % 4 == 0:
                filled.add("caption", n, [CAPTIONS[n % len(CAPTIONS)]], tags=["a", "b"])
        yield filled
        filled.close()
        edge.close()
        server.close()


def assert_alike(edge: Found, server: Found) -> None:
    """Two engines agree on the order, and on scores but for the last of six decimals."""
    assert edge.hits.keys() == server.hits.keys()
    for name, hits in edge.hits.items():
        others = server.hits[name]
        assert [hit.item.id for hit in hits] == [hit.item.id for hit in others]
        assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in others], abs=2e-6)
        assert [hit.relevance for hit in hits] == pytest.approx([hit.relevance for hit in others], abs=1e-4)
    assert (edge.next_cursor is None) == (server.next_cursor is None)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=search_queries())
def test_both_stores_give_the_same_answers(shelf: Shelf, query: SearchQuery) -> None:
    for _ in range(3):
        edge, server = shelf.search(query, "edge"), shelf.search(query, "server")
        assert_alike(edge, server)
        if edge.next_cursor is None:
            return
        # Either of them goes on where either of them stopped.
        query = replace(query, cursor=server.next_cursor)
        shelf.searchers = dict(zip(shelf.searchers, reversed(shelf.searchers.values()), strict=True))
