"""The vector store as the rest sees it: points of one kind in one space, found by cosine.

Adapters (`edge`, `server`) translate; nothing outside this folder knows that Qdrant exists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from encoders.base import Space

Kind = Literal["image", "caption"]
KINDS: tuple[Kind, ...] = ("image", "caption")
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Point:
    """One item's projection. `id` is the item's UUID string; `payload` holds only what filters need.

    Payload keys: `tenant`, `kind`, `tags` (list of keywords), `metadata` (list of `key=value`
    keywords), `image_id` (captions), `created_at` and `indexed_at` (RFC 3339, UTC).
    """

    id: str
    vector: Vector | None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    """All conditions hold together. The tenant is no option: every read is inside one."""

    tenant: str
    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    tags_none: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    """`key=value` keywords, all of which must be there."""
    ids: tuple[str, ...] | None = None
    not_ids: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    indexed_before: datetime | None = None
    """Inclusive. Holds a paged search to what was there at its first page."""


@dataclass(frozen=True)
class Query:
    vector: Vector
    limit: int
    filter: Filter
    offset: int = 0
    min_score: float | None = None


@dataclass(frozen=True)
class ScoredPoint:
    id: str
    score: float


class VectorStore(Protocol):
    """Collections are named `images-<space>` and `captions-<space>`; vectors are named `dense`, cosine.

    Every method may raise `backend.errors.Unavailable`; a write that has returned survives `kill -9`.
    Safe to call from several threads.
    """

    def ensure_space(self, space: Space) -> None:
        """Makes both collections and their payload indexes where they are missing; idempotent."""
        ...

    def spaces(self) -> list[str]:
        """Names of all spaces that have collections here."""
        ...

    def drop_space(self, name: str) -> None: ...

    def upsert(self, space: str, kind: Kind, points: Sequence[Point]) -> None: ...

    def get(self, space: str, kind: Kind, ids: Sequence[str]) -> list[Point]:
        """The points that exist, with vectors and payload, in the order of `ids`."""
        ...

    def delete(self, space: str, kind: Kind, ids: Sequence[str]) -> None: ...

    def set_payload(self, space: str, kind: Kind, id: str, payload: dict[str, Any]) -> None:
        """Replaces these payload keys of one point; nothing happens when the point is not there."""
        ...

    def count(self, space: str, kind: Kind, filter: Filter | None = None) -> int: ...

    def scroll(
        self, space: str, kind: Kind, limit: int = 1000, after: str | None = None
    ) -> tuple[list[str], str | None]:
        """Ids of all points in the order of ids, a page at a time, and where the next page starts."""
        ...

    def query(self, space: str, kind: Kind, query: Query) -> list[ScoredPoint]:
        """Best first; equal scores in the order of ids."""
        ...

    def query_batch(self, space: str, kind: Kind, queries: Sequence[Query]) -> list[list[ScoredPoint]]: ...

    def sample(self, space: str, kind: Kind, n: int, filter: Filter) -> list[Point]:
        """Up to `n` random points with vectors."""
        ...

    def optimize(self) -> None:
        """Builds what makes search fast (HNSW). May take minutes; see the adapter."""
        ...

    def check(self) -> None:
        """Raises `Unavailable` unless the store answers now."""
        ...

    def close(self) -> None: ...
