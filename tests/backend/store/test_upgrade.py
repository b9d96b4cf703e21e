"""Shards and collections that an older version made: they gain what they lack and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import qdrant_edge as edge
from qdrant_client import QdrantClient, models

from backend.store import lexical
from backend.store.base import Filter, Point, Query, Range, VectorStore
from backend.store.edge import EdgeStore
from backend.store.filters import payload_indexes
from backend.store.server import ServerStore
from encoders.base import Space
from tests.support.qdrant_stand_in import QdrantStandIn

SPACE = Space("old-1", 4, "f", ("en",), "Apache-2.0")
NAME = f"images-{SPACE.name}"
ID = "00000000-0000-4000-8000-000000000001"
PAYLOAD = {"tenant": "north", "kind": "image", "tags": ["red"], "metadata": []}
VECTOR = [0.0, 0.6, 0.8, 0.0]
NORTH = Filter("north")
DOG = Query(lexical.query("dog"), 5, NORTH)
DENSE = Query(np.array(VECTOR, np.float32), 5, NORTH)
RANGES = {"price": "number"}


def old_shard(folder: Path) -> EdgeStore:
    """As version 0.1 made it: one dense vector, six payload indexes."""
    (folder / NAME).mkdir(parents=True)
    shard = edge.EdgeShard.create(
        str(folder / NAME),
        edge.EdgeConfig(
            vectors={"dense": edge.EdgeVectorParams(4, edge.Distance.Cosine)},
            hnsw_config=edge.HnswIndexConfig(m=16, ef_construct=128, full_scan_threshold=10_000),
        ),
    )
    shard.update(edge.UpdateOperation.create_field_index("tenant", edge.PayloadSchemaType.Keyword))
    shard.update(edge.UpdateOperation.upsert_points([edge.Point(ID, {"dense": VECTOR}, PAYLOAD)]))
    shard.flush()
    shard.close()
    return EdgeStore(folder, RANGES)


def fill_old_collection(client: QdrantClient) -> None:
    dense = {"dense": models.VectorParams(size=4, distance=models.Distance.COSINE)}
    client.create_collection(NAME, vectors_config=dense)
    client.upsert(NAME, [models.PointStruct(id=ID, vector={"dense": VECTOR}, payload=PAYLOAD)])


@pytest.fixture(params=["edge", "client's memory", "rest"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "edge":
        store: VectorStore = old_shard(tmp_path)
        yield store
    elif request.param == "rest":
        with QdrantStandIn() as stand_in:
            client = QdrantClient(url=stand_in.url, check_compatibility=False)
            fill_old_collection(client)
            store = ServerStore(client, RANGES)
            yield store
    else:
        client = QdrantClient(":memory:")
        fill_old_collection(client)
        store = ServerStore(client, RANGES)
        yield store
    store.close()


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect")
def test_points_stay_and_gain_words(old: VectorStore) -> None:
    old.ensure_space(SPACE)
    (point,) = old.get(SPACE.name, "image", [ID])
    assert (point.vector, point.payload) == (pytest.approx(VECTOR), PAYLOAD)
    fresh = {**PAYLOAD, "ranges": {"price": [3]}}
    old.refresh(SPACE.name, "image", [Point(ID, None, fresh, lexical.document("a dog"))])
    assert [hit.id for hit in old.query(SPACE.name, "image", DOG)] == [ID]
    assert [hit.id for hit in old.query(SPACE.name, "image", DENSE)] == [ID]
    assert old.count(SPACE.name, "image", Filter("north", ranges=(Range("price", gt=2),))) == 1
    old.ensure_space(SPACE)
    assert [hit.id for hit in old.query(SPACE.name, "image", DOG)] == [ID]


def test_until_then_words_find_nothing_and_vectors_everything(old: VectorStore) -> None:
    assert old.query(SPACE.name, "image", DOG) == []
    dense, words = old.query_batch(SPACE.name, "image", [DENSE, DOG])
    assert ([hit.id for hit in dense], words) == ([ID], [])


def test_a_point_can_be_refreshed_in_a_space_that_nobody_ensures_any_more(old: VectorStore) -> None:
    old.refresh(SPACE.name, "image", [Point(ID, None, PAYLOAD, lexical.document("a dog"))])
    assert [hit.id for hit in old.query(SPACE.name, "image", DOG)] == [ID]


def test_an_upgraded_shard_survives_closing(tmp_path: Path) -> None:
    store = old_shard(tmp_path)
    store.ensure_space(SPACE)
    store.refresh(SPACE.name, "image", [Point(ID, None, PAYLOAD, lexical.document("a dog"))])
    store.close()
    again = EdgeStore(tmp_path)
    assert [hit.id for hit in again.query(SPACE.name, "image", DOG)] == [ID]
    again.optimize()
    assert [hit.id for hit in again.query(SPACE.name, "image", DOG)] == [ID]
    again.close()


def test_range_fields_that_are_declared_otherwise_are_indexed_otherwise(tmp_path: Path) -> None:
    def indexes(store: EdgeStore) -> dict[str, str]:
        store.ensure_space(SPACE)
        schema = store._shards.open(NAME).info().payload_schema
        return {field: str(info.data_type).rpartition(".")[2].lower() for field, info in schema.items()}

    store = EdgeStore(tmp_path, {"price": "number", "taken": "datetime"})
    assert indexes(store) == payload_indexes({"price": "number", "taken": "datetime"})
    store.close()
    store = EdgeStore(tmp_path, {"price": "datetime"})
    assert indexes(store) == payload_indexes({"price": "datetime"})
    store.close()


def test_a_server_s_indexes_follow_the_range_fields(tmp_path: Path) -> None:
    with QdrantStandIn() as stand_in:
        client = QdrantClient(url=stand_in.url, check_compatibility=False)
        ServerStore(client, {"price": "number"}).ensure_space(SPACE)
        store = ServerStore(client, {"price": "datetime"})
        store.ensure_space(SPACE)
        schema = client.get_collection(NAME).payload_schema
        assert {field: info.data_type.value for field, info in schema.items()} == payload_indexes(
            {"price": "datetime"}
        )
        store.close()
