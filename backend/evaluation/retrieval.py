"""Retrieval as users meet it: captions find their pictures and pictures their captions, in a real store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backend.evaluation.recall import Ranks
from backend.store.base import Filter, Kind, Point, Query, VectorStore
from encoders.base import Space, Vectors

TENANT = "evaluation"
FIRST_LIMIT = 100
"""Most answers are among the first hundred hits; only for the others the whole collection is ranked."""
QUERIES_AT_ONCE = 16
POINTS_AT_ONCE = 500


@dataclass(frozen=True)
class Ranked:
    """Ranks in both directions: of each caption's picture, and of each picture's first caption."""

    text_to_image: Ranks
    image_to_text: Ranks


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
        _ranks(store, space.name, "image", captions, [{point_id("image", i)} for i in image_of], len(images)),
        _ranks(store, space.name, "caption", images, captions_of, len(captions)),
    )


def point_id(kind: Kind, row: int) -> str:
    """A UUID that sorts as the rows do, so that equal scores keep the order of the rows."""
    return f"{0 if kind == 'image' else 1:08x}-0000-4000-8000-{row:012x}"


def _fill(store: VectorStore, space: str, kind: Kind, vectors: Vectors) -> None:
    now = datetime.now(UTC).isoformat()
    payload: dict[str, Any] = {"tenant": TENANT, "kind": kind, "created_at": now, "indexed_at": now}
    for start in range(0, len(vectors), POINTS_AT_ONCE):
        rows = range(start, min(start + POINTS_AT_ONCE, len(vectors)))
        store.upsert(space, kind, [Point(point_id(kind, row), vectors[row], payload) for row in rows])


def _ranks(
    store: VectorStore, space: str, kind: Kind, queries: Vectors, answers: Sequence[set[str]], total: int
) -> Ranks:
    ranks = np.zeros(len(queries), dtype=np.int64)
    for limit in (min(FIRST_LIMIT, total), total):
        open_rows = np.flatnonzero(ranks == 0)
        for start in range(0, len(open_rows), QUERIES_AT_ONCE):
            rows = open_rows[start : start + QUERIES_AT_ONCE]
            batch = [Query(queries[row], limit, Filter(TENANT)) for row in rows]
            for row, hits in zip(rows, store.query_batch(space, kind, batch), strict=True):
                places = (place for place, hit in enumerate(hits, start=1) if hit.id in answers[row])
                ranks[row] = next(places, 0)
    if not ranks.all():
        raise RuntimeError("The store lost points while it was being measured.")
    return ranks
