"""One plan on Qdrant Edge and on the server's adapter: the same answers, page by page."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from qdrant_client import QdrantClient

from backend.catalogue.queries import Found, SearchQuery
from backend.store.edge import EdgeStore
from backend.store.server import ServerStore
from tests.support.folders import quick_folder
from tests.support.search_queries import CAPTIONS, search_queries
from tests.support.shelf import RANGES, Shelf


@pytest.fixture(scope="module")
def shelf() -> Iterator[Shelf]:
    with warnings.catch_warnings(), quick_folder() as vectors, tempfile.TemporaryDirectory() as folder:
        warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
        edge, server = EdgeStore(vectors / "vectors", RANGES), ServerStore(QdrantClient(":memory:"), RANGES)
        filled = Shelf(Path(folder), {"edge": edge, "server": server})
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


def rounded(found: Found) -> object:
    """Two engines agree on five decimals of a score."""
    return {
        name: [(hit.item.id, round(hit.score, 5), round(hit.relevance or 0, 3)) for hit in hits]
        for name, hits in found.hits.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=search_queries())
def test_both_stores_give_the_same_answers(shelf: Shelf, query: SearchQuery) -> None:
    for _ in range(3):
        edge, server = shelf.search(query, "edge"), shelf.search(query, "server")
        assert rounded(edge) == rounded(server)
        assert (edge.next_cursor is None) == (server.next_cursor is None)
        if edge.next_cursor is None:
            return
        # Either of them goes on where either of them stopped.
        query = replace(query, cursor=server.next_cursor)
        shelf.searchers = dict(zip(shelf.searchers, reversed(shelf.searchers.values()), strict=True))
