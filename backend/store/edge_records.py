"""Between our points and queries and those of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qdrant_edge as edge

from backend.errors import Unavailable
from backend.store.base import (
    GRAPH_CANDIDATES,
    LEXICAL_NAME,
    VECTOR_NAME,
    Point,
    Query,
    ScoredPoint,
    SparseVector,
    Vector,
    vectors_as_lists,
)
from backend.store.filters import Dialect
from backend.store.ranking import engine_threshold

DIALECT = Dialect(
    edge, ids_argument="point_ids", number_range=edge.RangeFloat, datetime_range=edge.RangeDateTime
)
NEWEST_FIRST = edge.OrderBy("created_at", direction=edge.Direction.Desc)


def edge_points(points: Sequence[Point]) -> list[Any]:
    vectors: list[dict[str, Any]] = [{VECTOR_NAME: vector} for vector in vectors_as_lists(points)]
    for point, named in zip(points, vectors, strict=True):
        if point.lexical and point.lexical.indices:
            named[LEXICAL_NAME] = sparse(point.lexical)
    return [edge.Point(point.id, named, point.payload) for point, named in zip(points, vectors, strict=True)]


def to_point(record: Any) -> Point:
    return Point(str(record.id), to_vector(record), record.payload or {})


def to_vector(record: Any) -> Vector:
    vector = (record.vector or {}).get(VECTOR_NAME)
    if vector is None:  # Damage that was not seen when the shard was opened.
        raise Unavailable(f"The vector of {record.id} cannot be read.")
    return np.asarray(vector, dtype=np.float32)


def to_scored(hit: Any) -> ScoredPoint:
    return ScoredPoint(str(hit.id), hit.score if hit.order_value is None else hit.order_value)


def nearest(query: Query, limit: int) -> Any:
    if isinstance(query.vector, SparseVector):
        by = nearest_words(query.vector)
        # The words of other tenants say nothing about which are rare here, nor should they be heard of.
        params = edge.SearchParams(idf=edge.IdfParams(DIALECT.tenant(query.filter.tenant)))
    else:
        by = edge.Query.Nearest(query.vector.tolist(), VECTOR_NAME)
        params = edge.SearchParams(hnsw_ef=GRAPH_CANDIDATES)
    found = {
        "query": by,
        "filter": DIALECT.translate(query.filter),
        "params": params,
        "score_threshold": engine_threshold(query),
    }
    if query.newest_of is not None:
        found = {"query": NEWEST_FIRST, "prefetches": [edge.Prefetch(query.newest_of, **found)]}
    return edge.QueryRequest(limit=limit, with_payload=False, with_vector=False, **found)


def nearest_words(vector: SparseVector) -> Any:
    return edge.Query.Nearest(sparse(vector), LEXICAL_NAME)


def sparse(vector: SparseVector) -> Any:
    return edge.SparseVector(list(vector.indices), list(vector.values))
