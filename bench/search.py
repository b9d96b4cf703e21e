"""Searching through the API: one client against the parts alone, many clients against one, and overload.

The server runs in a process of its own, the clients in this one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from backend.adapters import open_adapters
from backend.settings import DEFAULT_TENANT, Settings
from backend.store.base import KINDS, Filter, Query, Vector
from bench.bounds import Bounds
from bench.data import fill, val_captions
from bench.load import run
from bench.timing import median
from encoders.base import Encoder
from encoders.loading import load_encoder
from tests.support.server import Server

THREADS = 2
REQUESTS = 300
CLIENTS = 32
OVERHEAD = 0.005
FASTER = {10_000: 2.0, 100_000: 1.5}
FLOOD = 200


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # Before torch starts its threads, here and in the server.
    bounds = Bounds()
    encoder = load_encoder("twinspace-mini")
    texts = val_captions()[: 4 * REQUESTS]
    with tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder:
        for points, faster in FASTER.items():
            data = Path(folder, str(points))
            fill(data, encoder.space, points)
            measure(bounds, data, encoder, texts, points, faster)
        overload(bounds, Path(folder, "10000"), texts)
    bounds.exit()


def measure(
    bounds: Bounds, data: Path, encoder: Encoder, texts: Sequence[str], points: int, faster: float
) -> None:
    encode, search = parts_alone(data, encoder, texts[:REQUESTS])
    with Server(data, "twinspace-mini") as server:
        run(server.url, texts, 1, 20)
        one = run(server.url, texts, 1, REQUESTS)
        many = run(server.url, texts, CLIENTS, 4 * REQUESTS)
        server.stop()
    print(
        f"{points} points: encoder {1000 * encode:.1f} ms, store {1000 * search:.1f} ms, request "
        f"{1000 * one.median:.1f} ms; {one.per_second:.0f} and, with {CLIENTS} clients, "
        f"{many.per_second:.0f} queries per second"
    )
    allowed = encode + 2 * search + OVERHEAD
    bounds.at_most(f"{points}: request / (encoder + 2 x store + 5 ms)", one.median / allowed, 1)
    bounds.at_least(f"{points}: {CLIENTS} clients / one", many.per_second / one.per_second, faster)
    bounds.at_most(f"{points}: failed requests", sum(many.statuses.values()) - many.statuses[200], 0)


def parts_alone(data: Path, encoder: Encoder, texts: Sequence[str]) -> tuple[float, float]:
    """Median seconds to encode one text, and to find its neighbours in both collections."""
    vectors: list[Vector] = []
    warm_up = len(texts) // 10
    encode = median(texts, lambda text: vectors.append(encoder.encode_texts([text])[0]), warm_up)
    adapters = open_adapters(Settings(data=data))
    try:
        queries = [Query(vector, 20, Filter(DEFAULT_TENANT)) for vector in vectors]
        store, space = adapters.store, encoder.space.name
        search = median(queries, lambda query: [store.query(space, kind, query) for kind in KINDS], warm_up)
    finally:
        adapters.close()
    return encode, search


def overload(bounds: Bounds, data: Path, texts: Sequence[str]) -> None:
    with Server(data, "twinspace-mini", query_queue=8, http_threads=16) as server:
        flood = run(server.url, texts, FLOOD, 5 * FLOOD)
        after = run(server.url, texts, 1, 20)
        server.stop()
    print(f"overload: {dict(flood.statuses)}; afterwards {dict(after.statuses)}")
    bounds.at_least("overload: refused with 503", flood.statuses[503], 1)
    bounds.at_most("overload: answers that are neither 200 nor 503", len(set(flood.statuses) - {200, 503}), 0)
    bounds.at_most("overload: 503 without Retry-After", flood.without_retry_after, 0)
    bounds.at_least("afterwards: answered", after.statuses[200], 20)


if __name__ == "__main__":
    main()
