"""Between our points and queries and those of a Qdrant server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qdrant_client import models

from backend.store.base import (
    GRAPH_CANDIDATES,
    LEXICAL_NAME,
    VECTOR_NAME,
    Point,
    Query,
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


def nearest(query: Query, limit: int) -> models.QueryRequest:
    if isinstance(query.vector, SparseVector):
        by: Any = sparse(query.vector)
        using = LEXICAL_NAME
        # The words of other tenants say nothing about which are rare here, nor should they be heard of.
        corpus = models.IdfCorpusParams(corpus=DIALECT.tenant(query.filter.tenant))
        params = models.SearchParams(idf=corpus)
    else:
        by, using, params = query.vector.tolist(), VECTOR_NAME, EXACT_SCORES
    return models.QueryRequest(
        query=by,
        using=using,
        filter=DIALECT.translate(query.filter),
        params=params,
        limit=limit,
        score_threshold=engine_threshold(query),
        with_payload=False,
        with_vector=False,
    )


def sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))
