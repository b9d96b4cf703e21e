"""Queries of concurrent requests, asked of the store together: Edge holds the GIL during every call, and
sixteen queries in one call cost what six cost alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from backend.catalogue.search.query_vectors import OnBatch
from backend.errors import Unavailable
from backend.store.base import Kind, Query, ScoredPoint, VectorStore
from encoders.batcher import Batcher

MAX_BATCH = 32

Request = Sequence[tuple[str, Kind, Query]]
Answer = list[list[ScoredPoint]] | Unavailable


class StoreQueries:
    """Both modalities of a search travel as one request, so that a search waits for one turn only."""

    def __init__(self, store: VectorStore, max_waiting: int, on_batch: OnBatch) -> None:
        self._store = store
        self._batcher: Batcher[Request, Answer] = Batcher(
            self._run, MAX_BATCH, max_waiting, "store-queries", partial(on_batch, "search"), on_caller=True
        )

    def run(self, space: str, queries: Sequence[tuple[Kind, Query]]) -> list[list[ScoredPoint]]:
        """One ranking a query. Raises `Unavailable` or `QueueFull`."""
        answer = self._batcher.submit([(space, kind, query) for kind, query in queries])
        if isinstance(answer, Unavailable):
            raise Unavailable(answer.detail)
        return answer

    def waiting(self) -> int:
        return self._batcher.waiting

    def close(self) -> None:
        self._batcher.close()

    def _run(self, requests: Sequence[Request]) -> list[Answer]:
        """A store that is away is asked once, not once more for every request of the batch."""
        slots: dict[tuple[str, Kind], list[tuple[int, int]]] = {}
        for r, request in enumerate(requests):
            for q, (space, kind, _) in enumerate(request):
                slots.setdefault((space, kind), []).append((r, q))
        rankings: list[list[list[ScoredPoint]]] = [[[] for _ in request] for request in requests]
        try:
            for (space, kind), places in slots.items():
                found = self._store.query_batch(space, kind, [requests[r][q][2] for r, q in places])
                for (r, q), points in zip(places, found, strict=True):
                    rankings[r][q] = points
        except Unavailable as error:
            return [error for _ in requests]
        return list(rankings)
