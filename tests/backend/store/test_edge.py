"""What holds for Edge alone: one engine in the process, a folder of shards, and threads."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import qdrant_edge

from backend.errors import StorageFull, Unavailable
from backend.settings import MEBIBYTE
from backend.store import edge_room
from backend.store.base import Filter, MissingSpace, Point, Query, ScoredPoint
from backend.store.edge import EdgeStore
from encoders.base import Space

DIM = 16
SPACE = Space("edge-1", DIM, "f", ("en",), "Apache-2.0")
NORTH = Filter("north")
RNG = np.random.default_rng(2)
DIRECTIONS = RNG.standard_normal((32, 512))


class Usage(NamedTuple):
    """What `shutil.disk_usage` tells."""

    total: int
    used: int
    free: int


def points(n: int, dim: int = DIM, start: int = 0) -> list[Point]:
    # As embeddings do, these vary mostly along few directions; a graph finds its way through no other kind.
    vectors = RNG.standard_normal((n, len(DIRECTIONS))) @ DIRECTIONS[:, :dim] + RNG.standard_normal((n, dim))
    ids = [str(uuid.UUID(int=start + k)) for k in range(n)]
    return [
        Point(id, vector.astype(np.float32), {"tenant": "north"})
        for id, vector in zip(ids, vectors, strict=True)
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    store = EdgeStore(tmp_path / "vectors")
    store.ensure_space(SPACE)
    yield store
    store.close()


def info(store: EdgeStore, space: str = SPACE.name) -> qdrant_edge.ShardInfo:
    return store._shards.open(f"images-{space}").info()


def test_points_are_there_after_reopening(store: EdgeStore, tmp_path: Path) -> None:
    stored = points(300)
    store.upsert(SPACE.name, "image", stored)
    store.delete(SPACE.name, "image", [stored[0].id])
    store.set_payload(SPACE.name, "image", stored[1].id, {"tags": ["red"]})
    query = Query(stored[7].vector, 20, NORTH)
    before = store.query(SPACE.name, "image", query)
    store.close()

    again = EdgeStore(tmp_path / "vectors")
    assert again.spaces() == [SPACE.name]
    assert again.count(SPACE.name, "image") == 299
    assert again.count(SPACE.name, "image", Filter("north", tags_any=("red",))) == 1
    assert again.query(SPACE.name, "image", query) == before
    again.close()


def test_upserts_build_no_graph(store: EdgeStore) -> None:
    """Building one holds the GIL for a long time: nobody but `optimize` may begin it."""
    space = Space("edge-wide", 512, "f", (), "")
    store.ensure_space(space)
    for start in range(0, 6000, 1000):
        store.upsert(space.name, "image", points(1000, 512, start))
    assert info(store, space.name).indexed_vectors_count == 0
    assert info(store, space.name).segments_count == 1


@pytest.mark.slow
def test_with_a_graph_search_finds_nearly_all_and_all_that_is_new(store: EdgeStore) -> None:
    space = Space("edge-wide", 512, "f", (), "")
    store.ensure_space(space)
    old = points(6000, 512)
    store.upsert(space.name, "image", old)
    queries = [Query(point.vector, 10, NORTH) for point in points(50, 512)]
    exact = store.query_batch(space.name, "image", queries)
    store.optimize()
    assert info(store, space.name).indexed_vectors_count == 6000
    found = store.query_batch(space.name, "image", queries)
    assert recall(exact, found) > 0.95

    new = points(100, 512, start=10_000)
    store.upsert(space.name, "image", new)
    store.upsert(space.name, "image", [Point(old[0].id, new[0].vector, {"tenant": "north"})])
    store.delete(space.name, "image", [old[1].id])
    for point in new[1:]:
        assert store.query(space.name, "image", Query(point.vector, 1, NORTH))[0].id == point.id
    both = store.query(space.name, "image", Query(new[0].vector, 2, NORTH))
    assert [hit.id for hit in both] == [old[0].id, new[0].id]
    assert store.query(space.name, "image", Query(old[1].vector, 1, NORTH))[0].id != old[1].id


def recall(exact: list[list[ScoredPoint]], found: list[list[ScoredPoint]]) -> float:
    return float(
        np.mean(
            [
                len({hit.id for hit in a} & {hit.id for hit in b}) / len(a)
                for a, b in zip(exact, found, strict=True)
            ]
        )
    )


def test_threads_write_and_read_at_once(store: EdgeStore) -> None:
    stored = points(800)
    parts = [stored[k::8] for k in range(8)]
    stop = threading.Event()

    def write(part: list[Point]) -> None:
        for start in range(0, len(part), 20):
            store.upsert(SPACE.name, "image", part[start : start + 20])
            store.set_payload(SPACE.name, "image", part[start].id, {"tags": ["first"]})
        store.delete(SPACE.name, "image", [part[-1].id])

    def read() -> int:
        rounds = 0
        while not stop.is_set():
            hits = store.query(SPACE.name, "image", Query(stored[rounds % 800].vector, 30, NORTH))
            assert hits == sorted(hits, key=lambda hit: (-hit.score, hit.id))
            assert store.count(SPACE.name, "image") <= 800
            rounds += 1
        return rounds

    with ThreadPoolExecutor(12) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        writers = [pool.submit(write, part) for part in parts]
        for writer in writers:
            writer.result()
        stop.set()
        assert all(reader.result() > 0 for reader in readers)
    assert store.count(SPACE.name, "image") == 792
    assert store.count(SPACE.name, "image", Filter("north", tags_any=("first",))) == 40


def test_a_space_is_made_once_by_many_threads(store: EdgeStore) -> None:
    space = Space("edge-2", DIM, "f", (), "")

    def ensure_and_write(k: int) -> None:
        store.ensure_space(space)
        store.upsert(space.name, "image", points(1, start=k))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ensure_and_write, range(8)))
    assert store.count(space.name, "image") == 8


def test_a_space_may_be_dropped_while_it_is_used(store: EdgeStore) -> None:
    stop = threading.Event()
    missing = threading.Event()

    def use(k: int) -> None:
        while not stop.is_set():
            store.query(SPACE.name, "image", Query(np.ones(DIM, np.float32), 3, NORTH))
            try:
                store.upsert(SPACE.name, "image", points(1, start=k))
            except MissingSpace:
                missing.set()

    with ThreadPoolExecutor(4) as pool:
        users = [pool.submit(use, k) for k in range(4)]
        for _ in range(3):
            store.drop_space(SPACE.name)
            store.ensure_space(SPACE)
        store.drop_space(SPACE.name)
        assert missing.wait(60)
        stop.set()
        for user in users:
            user.result()
    assert store.spaces() == []


def test_a_disk_that_is_nearly_full_is_not_written_to(
    store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge writes through memory maps: where the disk cannot hold a page, the process dies of SIGBUS."""
    (stored,) = points(1)
    store.upsert(SPACE.name, "image", [stored])

    def leave(part_of_reserve: float) -> None:
        usage = Usage(10**12, 0, int(part_of_reserve * edge_room.RESERVE))
        monkeypatch.setattr(edge_room.shutil, "disk_usage", lambda _: usage)

    leave(0.1)
    with pytest.raises(StorageFull):
        store.delete(SPACE.name, "image", [stored.id])
    leave(0.4)
    with pytest.raises(StorageFull):
        store.upsert(SPACE.name, "image", points(3, start=1))
    leave(0.6)
    with pytest.raises(StorageFull):
        store.ensure_space(Space("edge-2", DIM, "f", (), ""))
    with pytest.raises(StorageFull):
        store.require_room()
    store.ensure_space(SPACE)
    assert store.count(SPACE.name, "image") == 1
    assert store.spaces() == [SPACE.name]

    store.upsert(SPACE.name, "image", points(3, start=1))
    assert store.count(SPACE.name, "image") == 4, "What was accepted still finds room."
    leave(0.2)
    store.delete(SPACE.name, "image", [stored.id])
    assert store.count(SPACE.name, "image") == 3, "Deletions find room when nothing else does."


def test_of_a_small_disk_a_part_is_kept_free(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, fits in [(30, True), (20, False)]:
        usage = Usage(200 * MEBIBYTE, 0, free * MEBIBYTE)
        monkeypatch.setattr(edge_room.shutil, "disk_usage", lambda _, usage=usage: usage)
        with nullcontext() if fits else pytest.raises(StorageFull):
            store.require_room()


def test_a_closed_store_says_so(store: EdgeStore) -> None:
    store.check()
    store.close()
    store.close()
    with pytest.raises(Unavailable):
        store.check()
    with pytest.raises(Unavailable):
        store.count(SPACE.name, "image")
    with pytest.raises(Unavailable):
        store.upsert(SPACE.name, "image", points(1))
