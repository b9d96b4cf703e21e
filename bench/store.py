"""The embedded vector store by itself: what each operation takes; what batches, filters and the graph change.

`python -m bench.store --points 10000`. Made-up vectors, which vary along few directions as embeddings do.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from backend.store.base import Filter, Point, Query, ScoredPoint
from backend.store.edge import EdgeStore
from backend.store.filters import rfc3339
from bench.bounds import Bounds
from bench.timing import median, show, timed
from encoders.base import Space

DIM = 512
SPACE = Space("bench-1", DIM, "bench", (), "")
START = datetime(2026, 1, 1, tzinfo=UTC)
TENANT = Filter("bench")
BATCH = 16
RNG = np.random.default_rng(0)
DIRECTIONS = RNG.standard_normal((32, DIM))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[10_000, 100_000])
    bounds = Bounds()
    for points in parser.parse_args().points:
        with tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder:
            measure(bounds, Path(folder), points)
    bounds.exit()


def measure(bounds: Bounds, folder: Path, n: int) -> None:
    print(f"\n{n} points of {DIM} dimensions")
    store = EdgeStore(folder)
    store.ensure_space(SPACE)
    with timed(f"upsert, {BATCH * 16} at a time"):
        for start in range(0, n, BATCH * 16):
            store.upsert(SPACE.name, "image", points(range(start, min(n, start + BATCH * 16))))
    queries = [Query(vector, 20, TENANT) for vector in vectors(64)]
    one, together = search(store, queries, n)
    bounds.at_most(f"{n}: a query of a batch of {BATCH} / a query alone", together / one, 1)

    store.close()
    with timed("reopen") as reopening:
        store = EdgeStore(folder)
        store.ensure_space(SPACE)
        store.count(SPACE.name, "image")
    bounds.at_most(f"{n}: seconds to reopen", reopening[0], 2)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {'memory of this process at most':44} {memory:10.0f} MiB")

    exact = store.query_batch(SPACE.name, "image", queries)
    with timed("optimize"):
        store.optimize()
    print("  with the graph:")
    fast, _ = search(store, queries, n)
    print(f"  {'exact query / query with the graph':44} {one / fast:10.1f}")
    found = store.query_batch(SPACE.name, "image", queries)
    bounds.at_least(f"{n}: recall@20 with the graph", recall(exact, found), 0.95)
    store.close()


def search(store: EdgeStore, queries: list[Query], n: int) -> tuple[float, float]:
    """Prints medians; seconds of one query alone and of one in a batch."""
    one = each("query", store, queries)
    filters = {
        "one in ten (a tag)": replace(TENANT, tags_any=("tag-3",)),
        "one in a thousand (metadata)": replace(TENANT, metadata=("group=7",)),
        "all but the newest percent (indexed_before)": replace(
            TENANT, indexed_before=START + timedelta(seconds=n * 0.99)
        ),
    }
    for name, filter in filters.items():
        each(f"  {name}", store, [replace(query, filter=filter) for query in queries])
    each("  a thousand hits", store, [replace(query, limit=1000) for query in queries])
    batches = [queries[k : k + BATCH] for k in range(0, len(queries), BATCH)]
    together = median(batches, lambda batch: store.query_batch(SPACE.name, "image", batch)) / BATCH
    show(f"query in a batch of {BATCH}", together)
    return one, together


def each(name: str, store: EdgeStore, queries: list[Query]) -> float:
    spent = median(queries, lambda query: store.query(SPACE.name, "image", query))
    show(name, spent)
    return spent


def points(numbers: range) -> list[Point]:
    return [
        Point(str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))), vector, payload(n))
        for n, vector in zip(numbers, vectors(len(numbers)), strict=True)
    ]


def payload(n: int) -> dict[str, object]:
    moment = rfc3339(START + timedelta(seconds=n))
    return {
        "tenant": "bench",
        "kind": "image",
        "tags": [f"tag-{n % 10}"],
        "metadata": [f"group={n % 1000}"],
        "created_at": moment,
        "indexed_at": moment,
    }


def vectors(n: int) -> np.ndarray:
    rows = RNG.standard_normal((n, len(DIRECTIONS))) @ DIRECTIONS + RNG.standard_normal((n, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def recall(exact: list[list[ScoredPoint]], found: list[list[ScoredPoint]]) -> float:
    shares = [
        len({hit.id for hit in best} & {hit.id for hit in hits}) / len(best)
        for best, hits in zip(exact, found, strict=True)
    ]
    return statistics.mean(shares)


if __name__ == "__main__":
    main()
