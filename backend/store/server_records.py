"""Between our points and queries and those of a Qdrant server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from qdrant_client import models

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
    models, ids_argument="has_id", number_range=models.Range, datetime_range=models.DatetimeRange
)
# Found by their bytes, if there are any, and ranked by the whole vectors: scores are cosines in any case.
EXACT_SCORES = models.SearchParams(
    hnsw_ef=GRAPH_CANDIDATES,
    quantization=models.QuantizationSearchParams(rescore=True, oversampling=2),
)
REQUEST_POINTS = 256
REQUEST_BYTES = 16 * 1024 * 1024
"""Half of what Qdrant takes: what JSON makes of a point is estimated, not measured."""
NUMBER_BYTES = 24


def in_requests(points: Sequence[Point]) -> Iterator[list[Point]]:
    """Few enough points and bytes for one request each; a point that is too large for any is alone in its."""
    request: list[Point] = []
    size = 0
    for point in points:
        more = _json_bytes(point)
        if request and (len(request) == REQUEST_POINTS or size + more > REQUEST_BYTES):
            yield request
            request, size = [], 0
        request.append(point)
        size += more
    if request:
        yield request


def _json_bytes(point: Point) -> int:
    numbers = 0 if point.vector is None else len(point.vector)
    if point.lexical:
        numbers += 2 * len(point.lexical.indices)
    return NUMBER_BYTES * numbers + len(json.dumps(point.payload))


NEWEST_FIRST = models.OrderByQuery(order_by=models.OrderBy(key="created_at", direction=models.Direction.DESC))


def point_structs(points: Sequence[Point]) -> list[models.PointStruct]:
    structs = []
    for point, vector in zip(points, vectors_as_lists(points), strict=True):
        vectors: dict[str, Any] = {VECTOR_NAME: vector}
        if point.lexical and point.lexical.indices:
            vectors[LEXICAL_NAME] = sparse(point.lexical)
        structs.append(models.PointStruct(id=point.id, vector=vectors, payload=point.payload))
    return structs


def to_point(record: Any) -> Point:
    return Point(str(record.id), to_vector(record), record.payload or {})


def to_vector(record: Any) -> Vector:
    return np.asarray(record.vector[VECTOR_NAME], dtype=np.float32)


def to_scored(hit: Any) -> ScoredPoint:
    return ScoredPoint(str(hit.id), hit.score if hit.order_value is None else hit.order_value)


def nearest(query: Query, limit: int) -> models.QueryRequest:
    if isinstance(query.vector, SparseVector):
        by: Any = sparse(query.vector)
        using = LEXICAL_NAME
        # The words of other tenants say nothing about which are rare here, nor should they be heard of.
        corpus = models.IdfCorpusParams(corpus=DIALECT.tenant(query.filter.tenant))
        params = models.SearchParams(idf=corpus)
    else:
        by, using, params = query.vector.tolist(), VECTOR_NAME, EXACT_SCORES
    found: dict[str, Any] = {
        "query": by,
        "using": using,
        "filter": DIALECT.translate(query.filter),
        "params": params,
        "score_threshold": engine_threshold(query),
    }
    if query.newest_of is not None:
        best = models.Prefetch(limit=query.newest_of, **found)
        found = {"query": NEWEST_FIRST, "prefetch": best}
    return models.QueryRequest(limit=limit, with_payload=False, with_vector=False, **found)


def sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
