"""Filtered search and search by words over many points: recall against brute force, and what either costs.

`python -m bench.filters --points 100000`. Filters let through 0.1 % to 100 % of the points: chosen at random,
and those that lie in one direction, which are far from most queries. Made-up vectors, as in `bench.store`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.store import lexical
from backend.store.base import Point, Query
from backend.store.edge import EdgeStore
from backend.store.filters import rfc3339
from bench.bounds import Bounds
from bench.data import val_captions
from bench.store import SPACE, START, TENANT, vectors
from bench.timing import median, show, timed

SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.9, 1.0)
QUERIES = 50
LIMIT = 20
WORDS = 10
LEAST_RECALL = 0.98
MOST_FOR_WORDS = 7
"""Milliseconds that words may add: 30 % of what a plain search takes with its encoding."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100_000)
    bounds = Bounds()
    with tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder:
        Library(Path(folder), parser.parse_args().points).measure(bounds)
    bounds.exit()


class Library:
    def __init__(self, folder: Path, n: int) -> None:
        self.n = n
        self.random = np.random.default_rng(1)
        self.vectors = vectors(n)
        self.texts = self._texts(n)
        self.ids = [f"{k:08x}-0000-4000-8000-000000000000" for k in range(n)]
        direction = self.vectors[0]
        # What share of the points comes before each, at random and along the direction of one of them.
        self.places = {
            "random": self.random.permutation(n) / n,
            "direction": np.argsort(np.argsort(-self.vectors @ direction)) / n,
        }
        self.store = EdgeStore(folder)
        self.store.ensure_space(SPACE)

    def measure(self, bounds: Bounds) -> None:
        with timed(f"upsert of {self.n} points"):
            for start in range(0, self.n, 1024):
                self.store.upsert(SPACE.name, "image", self._points(range(start, min(self.n, start + 1024))))
        questions = vectors(QUERIES)
        self._filters(bounds, questions, "exact", 0.999)
        self._words(bounds, questions, "exact")
        with timed("optimize"):
            self.store.optimize()
        self._filters(bounds, questions, "with the graph", LEAST_RECALL)
        self._words(bounds, questions, "with the graph")
        self.store.close()

    def _filters(self, bounds: Bounds, questions: np.ndarray, state: str, least: float) -> None:
        print(f"\n{state}: recall@{LIMIT} of filtered search, and milliseconds a query")
        for name, places in self.places.items():
            for share in SHARES:
                filter = replace(TENANT, tags_any=(f"{name}-{share}",))
                inside = np.flatnonzero(places < share)
                queries = [Query(vector, LIMIT, filter) for vector in questions]
                spent = median(queries, lambda query: self.store.query(SPACE.name, "image", query))
                recall = np.mean([self._recall(query, inside) for query in queries])
                show(f"{name}, {100 * share:g} %", spent)
                bounds.at_least(
                    f"{state}: recall with a {name} filter of {100 * share:g} %", float(recall), least
                )

    def _recall(self, query: Query, inside: np.ndarray) -> float:
        assert isinstance(query.vector, np.ndarray)
        cosines = self.vectors[inside] @ query.vector
        best = {self.ids[k] for k in inside[np.argsort(-cosines)[: query.limit]]}
        found = {hit.id for hit in self.store.query(SPACE.name, "image", query)}
        return len(best & found) / len(best)

    def _words(self, bounds: Bounds, questions: np.ndarray, state: str) -> None:
        print(f"\n{state}: by words")
        dense = [Query(vector, LIMIT, TENANT) for vector in questions]
        alone = self._median("a dense query", dense)
        long = [Query(lexical.query(text), 100, TENANT) for text in self._texts(QUERIES)]
        common = [Query(lexical.query(word), 100, TENANT) for word in ("dog", "man", "red", "water", "two")]
        self._median(f"{WORDS} words, 100 hits", long)
        self._median("one common word, 100 hits", common)
        few = replace(TENANT, tags_any=("random-0.01",))
        self._median(f"{WORDS} words inside 1 %", [replace(query, filter=few) for query in long])
        both = median(
            list(zip(dense, long, strict=True)),
            lambda pair: self.store.query_batch(SPACE.name, "image", list(pair)),
        )
        show("dense and words in one batch", both)
        bounds.at_most(f"{state}: milliseconds that words add", 1000 * (both - alone), MOST_FOR_WORDS)

    def _median(self, name: str, queries: Sequence[Query]) -> float:
        spent = median(queries, lambda query: self.store.query(SPACE.name, "image", query))
        show(name, spent)
        return spent

    def _texts(self, n: int) -> list[str]:
        words = np.array(" ".join(val_captions()).split())
        return [" ".join(row) for row in self.random.choice(words, (n, WORDS))]

    def _points(self, numbers: range) -> list[Point]:
        return [
            Point(self.ids[k], self.vectors[k], self._payload(k), lexical.document(self.texts[k]))
            for k in numbers
        ]

    def _payload(self, k: int) -> dict[str, object]:
        tags = [
            f"{name}-{share}" for name, places in self.places.items() for share in SHARES if places[k] < share
        ]
        moment = rfc3339(START)
        return {
            **{"tenant": "bench", "kind": "image", "tags": tags, "metadata": [f"number={k}"]},
            **{"metadata_keys": ["number"], "created_at": moment, "indexed_at": moment},
        }


if __name__ == "__main__":
    main()
