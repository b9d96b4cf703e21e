"""Every adapter that the suite runs against."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from backend.settings import Settings
from backend.store.base import KINDS, VectorStore
from backend.store.edge import EdgeStore
from backend.store.server import ServerStore
from encoders.base import Space
from tests.contract.model import DIM, RANGES
from tests.support.qdrant_server import MISSING, real_qdrant
from tests.support.qdrant_stand_in import QdrantStandIn

RANGE_FIELDS = tuple(f"{key}:{kind}" for key, kind in RANGES.items())
REAL_SERVER = "TWINSPACE_TEST_QDRANT_URL"


@pytest.fixture(
    scope="module", params=["edge", "client's memory", "rest", "real server", "real server, gRPC"]
)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorStore]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect in the local Qdrant")
        yield from _adapter(request.param, tmp_path_factory.mktemp("store"))


def _adapter(name: str, folder: Path) -> Iterator[VectorStore]:
    if name == "edge":
        yield from _closing(EdgeStore(folder / "vectors", RANGES))
    elif name == "client's memory":
        yield from _closing(ServerStore(QdrantClient(":memory:"), RANGES))
    elif name == "rest":
        with QdrantStandIn() as stand_in:
            yield from _closing(
                ServerStore.connect(Settings(qdrant_url=stand_in.url, range_fields=RANGE_FIELDS))
            )
    else:
        grpc = "gRPC" in name
        if grpc and REAL_SERVER not in os.environ:
            pytest.skip(f"no Qdrant server with gRPC on its usual port at hand: {REAL_SERVER} is not set")
        with real_qdrant() as url:
            if url is None:
                pytest.skip(MISSING)
            settings = Settings(qdrant_url=url, qdrant_grpc=grpc, range_fields=RANGE_FIELDS)
            yield from _closing(ServerStore.connect(settings))


def _closing(store: VectorStore) -> Iterator[VectorStore]:
    try:
        yield store
    finally:
        store.close()


def new_space(dim: int = DIM) -> Space:
    fingerprint = uuid.uuid4().hex
    return Space(f"contract-{fingerprint[:8]}", dim, fingerprint, ("en",), "Apache-2.0")


@pytest.fixture(scope="module")
def shared_space(store: VectorStore) -> Iterator[str]:
    """Making a space is the slowest thing a store does: one for all tests of a file."""
    space = new_space()
    store.ensure_space(space)
    yield space.name
    store.drop_space(space.name)


@pytest.fixture
def space(store: VectorStore, shared_space: str) -> str:
    """The shared space, emptied."""
    for kind in KINDS:
        store.delete(shared_space, kind, store.scroll(shared_space, kind)[0])
        assert store.count(shared_space, kind) == 0
    return shared_space
