"""Retrieval as users meet it: captions find their pictures and pictures their captions, in a real store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.evaluation.recall import Ranks
from backend.store.base import Filter, Kind, Point, Query, ScoredPoint, VectorStore
from encoders.base import Space, Vectors

TENANT = "evaluation"
FIRST_LIMIT = 100
"""Most answers are among the first hundred hits; only for the others the whole collection is ranked."""
KEPT = 5
"""First hits that are remembered of each query, to be shown."""
QUERIES_AT_ONCE = 16
POINTS_AT_ONCE = 500


@dataclass(frozen=True)
class Ranking:
    """What the queries of one direction found."""

    ranks: Ranks
    """Of each query's (first) answer."""
    margins: NDArray[np.float32]
    """The score of that answer less the score of the best hit that is none: above 0 where it came first."""
    nearest: NDArray[np.int64]
    """`[queries, 5]`: rows of the first hits, -1 where there are fewer."""
    scores: NDArray[np.float32]
    """Theirs."""


@dataclass(frozen=True)
class Ranked:
    """Both directions: each caption's picture, and each picture's captions."""

    text_to_image: Ranking
    image_to_text: Ranking


def rank_pairs(
    store: VectorStore, space: Space, images: Vectors, captions: Vectors, image_of: Sequence[int]
) -> Ranked:
    """`images` is `float32[n, d]`, `captions` `float32[m, d]`, and `image_of[j]` the row in `images` of the
    picture that caption `j` belongs to. The store must be empty."""
    store.ensure_space(space)
    _fill(store, space.name, "image", images)
    _fill(store, space.name, "caption", captions)
    captions_of: list[set[str]] = [set() for _ in range(len(images))]
    for caption, image in enumerate(image_of):
        captions_of[image].add(point_id("caption", caption))
    return Ranked(
        _rank(store, space.name, "image", captions, [{point_id("image", i)} for i in image_of], len(images)),
        _rank(store, space.name, "caption", images, captions_of, len(captions)),
    )


def point_id(kind: Kind, row: int) -> str:
    """A UUID that sorts as the rows do, so that equal scores keep the order of the rows."""
    return f"{0 if kind == 'image' else 1:08x}-0000-4000-8000-{row:012x}"


def _row(hit: ScoredPoint) -> int:
    return int(hit.id[-12:], 16)


def _fill(store: VectorStore, space: str, kind: Kind, vectors: Vectors) -> None:
    now = datetime.now(UTC).isoformat()
    payload: dict[str, Any] = {"tenant": TENANT, "kind": kind, "created_at": now, "indexed_at": now}
    for start in range(0, len(vectors), POINTS_AT_ONCE):
        rows = range(start, min(start + POINTS_AT_ONCE, len(vectors)))
        store.upsert(space, kind, [Point(point_id(kind, row), vectors[row], payload) for row in rows])


def _rank(
    store: VectorStore, space: str, kind: Kind, queries: Vectors, answers: Sequence[set[str]], total: int
) -> Ranking:
    found = Ranking(
        np.zeros(len(queries), np.int64),
        np.zeros(len(queries), np.float32),
        np.full((len(queries), KEPT), -1, np.int64),
        np.zeros((len(queries), KEPT), np.float32),
    )
    for limit in (min(FIRST_LIMIT, total), total):
        open_rows = np.flatnonzero(found.ranks == 0)
        for start in range(0, len(open_rows), QUERIES_AT_ONCE):
            rows = open_rows[start : start + QUERIES_AT_ONCE]
            batch = [Query(queries[row], limit, Filter(TENANT)) for row in rows]
            for row, hits in zip(rows, store.query_batch(space, kind, batch), strict=True):
                _note(found, row, hits, answers[row])
    if not found.ranks.all():
        raise RuntimeError("The store lost points while it was being measured.")
    return found


def _note(found: Ranking, query: int, hits: Sequence[ScoredPoint], answers: set[str]) -> None:
    """Nothing, where the answer is not among the hits: it is asked again with a higher limit."""
    rank = next((place for place, hit in enumerate(hits, start=1) if hit.id in answers), 0)
    if not rank:
        return
    other = next((hit.score for hit in hits if hit.id not in answers), 0.0)
    found.ranks[query] = rank
    found.margins[query] = hits[rank - 1].score - other
    first = hits[:KEPT]
    found.nearest[query, : len(first)] = [_row(hit) for hit in first]
    found.scores[query, : len(first)] = [hit.score for hit in first]
