"""The vector store as the rest sees it: points of one kind in one space, found by cosine.

Adapters (`edge`, `server`) translate; nothing outside this folder knows that Qdrant exists.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.errors import Unavailable
from encoders.base import Space

Kind = Literal["image", "caption"]
KINDS: tuple[Kind, ...] = ("image", "caption")
Vector = NDArray[np.float32]
VECTOR_NAME = "dense"
LEXICAL_NAME = "lexical"
GRAPH_CANDIDATES = 512
"""How many candidates a search of the HNSW graph keeps (`ef`). With Qdrant's 128 a filter that lets 30 % of
100,000 points through loses 15 % of the best 20, with this 1.5 %; it takes twice as long, and half as long as
looking at all points (`bench.filters`)."""

_COLLECTION = re.compile(r"(image|caption)s-([a-z0-9][a-z0-9-]*)")


def collection_name(space: str, kind: Kind) -> str:
    """`images-<space>` or `captions-<space>`; a `ValueError` where that would not be a safe name."""
    name = f"{kind}s-{space}"
    if not _COLLECTION.fullmatch(name):
        raise ValueError(f"{space!r} is no name of a space: lower case letters, digits and dashes")
    return name


def spaces_of(collections: Sequence[str]) -> list[str]:
    """The spaces to which these collections belong, sorted; names that are not ours are passed over."""
    matches = (_COLLECTION.fullmatch(name) for name in collections)
    return sorted({match[2] for match in matches if match})


class MissingSpace(Unavailable):
    """A write met a collection that is not there: `ensure_space`, then write again."""


class MissingLexical(Unavailable):
    """Words met a collection of an older version, which `ensure_space` has not mended yet."""


_MISSING_LEXICAL = (
    f"Not existing vector name error: {LEXICAL_NAME}",
    f'the `idf` modifier, which vector "{LEXICAL_NAME}" is not',
    f"Sparse vector {LEXICAL_NAME} is not found in the collection",
)


def is_missing_lexical(message: str) -> bool:
    """Whether these are the words of an engine for what `MissingLexical` stands for."""
    return any(words in message for words in _MISSING_LEXICAL)


def vectors_as_lists(points: Sequence[Point]) -> list[list[float]]:
    """Vectors for an engine that takes lists. `ValueError`: one is missing or not finite."""
    if not points:
        return []
    if any(point.vector is None for point in points):
        raise ValueError("a point cannot be stored without its vector")
    matrix = np.stack([np.asarray(point.vector, dtype=np.float32) for point in points])
    if not np.isfinite(matrix).all():
        raise ValueError("a vector holds NaN or infinity")
    rows: list[list[float]] = matrix.tolist()
    return rows


def with_vectors_of(there: Sequence[Point], points: Sequence[Point]) -> list[Point]:
    """Those of `points` that are there, with the dense vectors that they have there."""
    new = {point.id: point for point in points}
    return [replace(new[old.id], vector=old.vector) for old in there]


@dataclass(frozen=True)
class SparseVector:
    """Weights of words (see `lexical`): distinct indices, and a value for each."""

    indices: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class Point:
    """One item's projection. `id` is the item's UUID string; `payload` holds only what filters need.

    Payload keys: `tenant`, `kind`, `tags` (list of keywords), `metadata` (list of `key=value`
    keywords), `metadata_keys` (list of keywords), `ranges` (numbers and RFC 3339 times by key, a list of
    them each), `has_caption` (images, `yes` or `no`), `image_id` (captions), `created_at` and
    `indexed_at` (RFC 3339, UTC).
    """

    id: str
    vector: Vector | None
    payload: dict[str, Any] = field(default_factory=dict)
    lexical: SparseVector | None = None
    """None, like one without words: no lexical query finds the point."""


@dataclass(frozen=True)
class Range:
    """One of the values of a metadata key lies within all the bounds, which are numbers or times. Keys that
    the setting `range_fields` declares have an index; for others points are read one by one."""

    key: str
    gte: float | datetime | None = None
    gt: float | datetime | None = None
    lte: float | datetime | None = None
    lt: float | datetime | None = None


@dataclass(frozen=True)
class Filter:
    """All conditions hold together. The tenant is no option: every read is inside one."""

    tenant: str
    tags_any: tuple[str, ...] = ()
    tags_all: tuple[str, ...] = ()
    tags_none: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    """`key=value` keywords, all of which must be there."""
    exists: tuple[str, ...] = ()
    """Metadata keys that the item must have."""
    missing: tuple[str, ...] = ()
    """Metadata keys that it may not have."""
    ranges: tuple[Range, ...] = ()
    has_caption: bool | None = None
    """Of images: whether captions are attached. No caption is among those that have one."""
    ids: tuple[str, ...] | None = None
    """None: any. Empty: none at all."""
    not_ids: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()
    created_after: datetime | None = None
    """Inclusive. Times without a zone are UTC."""
    created_before: datetime | None = None
    """Exclusive, so that consecutive ranges share no point."""
    indexed_before: datetime | None = None
    """Inclusive. Holds a paged search to what was there at its first page."""


@dataclass(frozen=True)
class Query:
    """Asks the vectors named `dense`, or with a `SparseVector` those named `lexical`: then hits share at
    least one word with the query, and are scored by BM25, the rarity of words counted in the tenant's points.
    """

    vector: Vector | SparseVector
    limit: int
    filter: Filter
    offset: int = 0
    min_score: float | None = None
    """Inclusive."""
    newest_of: int | None = None
    """The hits are so many of the best, newest first, and their score is when they were made."""


class ScoredPoint(NamedTuple):
    """A search meets hundreds: these are made in a third of a dataclass's time."""

    id: str
    score: float
    """Cosine, or BM25 from 0 up; to six decimals. Or `created_at` in microseconds since 1970."""


FacetField = Literal["tags", "metadata", "metadata_keys"]


@dataclass(frozen=True)
class Facet:
    value: str
    count: int


class VectorStore(Protocol):
    """Collections are named `images-<space>` and `captions-<space>`; vectors are named `dense` (cosine) and
    `lexical` (sparse, of BM25).

    Every method may raise `backend.errors.Unavailable`; a write that has returned survives `kill -9`.
    A write may raise `backend.errors.StorageFull`: nothing of it was stored, it may be tried again later.
    A vector or point that the engine refuses for what it is raises `ValueError`. Safe to call from several
    threads.

    A space that was never ensured, or was dropped, is an empty one to every read and to `delete`,
    `refresh` and `set_payload`; `upsert` alone raises `MissingSpace`. So a search during start-up, or
    after somebody has deleted all vectors, finds nothing instead of failing, and no vector is lost
    without a word.
    """

    def ensure_space(self, space: Space) -> None:
        """Makes both collections and their payload indexes where they are missing; idempotent. What an older
        version made gains what it lacks and keeps its points.

        Raises `ConfigurationError` when what is there has another dimension.
        """
        ...

    def spaces(self) -> list[str]:
        """Names of all spaces that have collections here."""
        ...

    def drop_space(self, name: str) -> None:
        """Removes both collections with all their points; idempotent."""
        ...

    def upsert(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        """Inserts points or replaces them whole: vectors and payload."""
        ...

    def get(self, space: str, kind: Kind, ids: Sequence[str]) -> list[Point]:
        """The points that exist, with dense vectors and payload, in the order of `ids`."""
        ...

    def vectors(self, space: str, kind: Kind, ids: Sequence[str]) -> dict[str, Vector]:
        """The dense vectors of the points that exist. Reads no payload, which lies elsewhere on the disk."""
        ...

    def delete(self, space: str, kind: Kind, ids: Sequence[str]) -> None:
        """Ids that are not there are passed over."""
        ...

    def refresh(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        """Replaces payload and lexical vector of those points that are there, and none of their dense
        vectors; `point.vector` is not looked at."""
        ...

    def set_payload(self, space: str, kind: Kind, id: str, payload: dict[str, Any]) -> None:
        """Replaces these payload keys of one point; nothing happens when the point is not there."""
        ...

    def count(self, space: str, kind: Kind, filter: Filter | None = None) -> int: ...

    def scroll(
        self, space: str, kind: Kind, limit: int = 1000, after: str | None = None
    ) -> tuple[list[str], str | None]:
        """Ids of all tenants' points in the order of ids, a page at a time, and where the next page starts.

        `after` is what the page before returned. A point that is there from first page to last is met once.
        """
        ...

    def query(self, space: str, kind: Kind, query: Query) -> list[ScoredPoint]:
        """Best first; equal scores in the order of ids, at the cut as well (see `ranking`)."""
        ...

    def query_batch(self, space: str, kind: Kind, queries: Sequence[Query]) -> list[list[ScoredPoint]]:
        """Dense and lexical queries may be mixed."""
        ...

    def facet(
        self, space: str, kind: Kind, field: FacetField, limit: int, filter: Filter, prefix: str = ""
    ) -> list[Facet]:
        """The values of a payload field that begin with `prefix`, and how many points have each: the most
        frequent first, equal counts in the order of values."""
        ...

    def sample(self, space: str, kind: Kind, n: int, filter: Filter) -> list[Point]:
        """Up to `n` random points with vectors and payload."""
        ...

    def optimize(self) -> None:
        """Builds what makes search fast (HNSW). May take minutes; see the adapter."""
        ...

    def require_room(self) -> None:
        """Raises `StorageFull` where there is no room for the points of further uploads, as far as can be
        told from here."""
        ...

    def check(self) -> None:
        """Raises `Unavailable` unless the store answers now."""
        ...

    def close(self) -> None: ...
