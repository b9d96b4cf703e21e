"""Qdrant Edge as the vector store of the embedded profile: Qdrant's own engine in this process.

Edge holds the GIL during every call, so whatever runs under it is kept small: vectors go in as lists
(half the time of arrays), queries bring back ids and scores only, and the HNSW graph is built by
nobody but `optimize`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge

from backend.errors import ConfigurationError
from backend.settings import RangeKind
from backend.store.base import (
    KINDS,
    LEXICAL_NAME,
    VECTOR_NAME,
    Facet,
    FacetField,
    Filter,
    Kind,
    MissingLexical,
    MissingSpace,
    Point,
    Query,
    ScoredPoint,
    SparseVector,
    Vector,
    collection_name,
    spaces_of,
    with_vectors_of,
)
from backend.store.edge_records import (
    DIALECT,
    edge_points,
    nearest,
    nearest_words,
    to_point,
    to_scored,
    to_vector,
)
from backend.store.edge_room import FOR_DELETIONS, FOR_POINTS, FOR_UPLOADS, NEW_SHARD, require_room
from backend.store.facets import best, wanted
from backend.store.filters import NO_RANGES, IndexKind, outdated_indexes, payload_indexes
from backend.store.ranking import rank
from backend.store.shards import Shards, engine_errors
from encoders.base import Space

T = TypeVar("T")

INDEXES: dict[IndexKind, Any] = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "datetime": edge.PayloadSchemaType.Datetime,
    "float": edge.PayloadSchemaType.Float,
}
UPSERT_BATCH = 128
"""Points a call: other threads run between two calls."""


class EdgeStore:
    """A folder with a shard for every collection. Only one process may have it open.

    Searches are exact until `optimize` builds the HNSW graph. What is upserted afterwards is searched
    exactly beside the graph, until the next `optimize`.
    """

    def __init__(self, folder: Path, ranges: Mapping[str, RangeKind] = NO_RANGES) -> None:
        self._shards = Shards(folder)
        self._indexes = payload_indexes(ranges)

    def ensure_space(self, space: Space) -> None:
        for kind in KINDS:
            name = collection_name(space.name, kind)
            if self._shards.open(name) is None:
                require_room(self._shards.folder, FOR_POINTS, NEW_SHARD)
            shard = self._shards.make(name, _config(space.dim), self._index_payload)
            _require_dimension(shard, space, self._shards.folder / name)
            with engine_errors():
                _add_lexical(shard)
                self._index_payload(shard)

    def spaces(self) -> list[str]:
        return spaces_of(self._shards.names())

    def drop_space(self, name: str) -> None:
        for kind in KINDS:
            self._shards.drop(collection_name(name, kind))

    def upsert(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        for start in range(0, len(points), UPSERT_BATCH):
            self._write(
                space, kind, edge.UpdateOperation.upsert_points(edge_points(points[start:][:UPSERT_BATCH]))
            )
        if points:
            self._flush(space, kind)

    def get(self, space: str, kind: Kind, ids: Sequence[str]) -> list[Point]:
        records: list[Any] = self._read(
            space, kind, [], lambda shard: shard.retrieve(list(ids), True, [VECTOR_NAME])
        )
        found = {point.id: point for point in map(to_point, records)}
        return [found[id] for id in ids if id in found]

    def vectors(self, space: str, kind: Kind, ids: Sequence[str]) -> dict[str, Vector]:
        records: list[Any] = self._read(
            space, kind, [], lambda shard: shard.retrieve(list(ids), False, [VECTOR_NAME])
        )
        return {str(record.id): to_vector(record) for record in records}

    def refresh(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        written = False
        for start in range(0, len(points), UPSERT_BATCH):
            batch = points[start:][:UPSERT_BATCH]
            if there := self.get(space, kind, [point.id for point in batch]):
                self._replace(space, kind, with_vectors_of(there, batch))
                written = True
        if written:
            self._flush(space, kind)

    def delete(self, space: str, kind: Kind, ids: Sequence[str]) -> None:
        self._change(space, kind, edge.UpdateOperation.delete_points(list(ids)), FOR_DELETIONS)

    def set_payload(self, space: str, kind: Kind, id: str, payload: dict[str, Any]) -> None:
        # By filter: by id, Edge raises when the point is not there.
        only = edge.Filter(must=[DIALECT.has_id([id])])
        self._change(space, kind, edge.UpdateOperation.set_payload_by_filter(only, payload))

    def count(self, space: str, kind: Kind, filter: Filter | None = None) -> int:
        request = edge.CountRequest(exact=True, filter=DIALECT.translate(filter) if filter else None)
        return self._read(space, kind, 0, lambda shard: int(shard.count(request)))

    def scroll(
        self, space: str, kind: Kind, limit: int = 1000, after: str | None = None
    ) -> tuple[list[str], str | None]:
        request = edge.ScrollRequest(offset=after, limit=limit, with_payload=False, with_vector=False)
        nothing: tuple[list[Any], Any] = ([], None)
        records, following = self._read(space, kind, nothing, lambda shard: shard.scroll(request))
        return [str(record.id) for record in records], None if following is None else str(following)

    def query(self, space: str, kind: Kind, query: Query) -> list[ScoredPoint]:
        return self.query_batch(space, kind, [query])[0]

    def query_batch(self, space: str, kind: Kind, queries: Sequence[Query]) -> list[list[ScoredPoint]]:
        """Queries of a batch share one pass over the vectors: much cheaper than one after the other."""

        def search(wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
            batch = edge.QueryBatchRequest([nearest(query, n) for query, n in wanted])
            nothing: list[list[Any]] = [[] for _ in wanted]
            found = self._read(space, kind, nothing, lambda shard: shard.query_batch(batch))
            return [[to_scored(hit) for hit in hits] for hits in found]

        return rank(queries, search)

    def facet(
        self, space: str, kind: Kind, field: FacetField, limit: int, filter: Filter, prefix: str = ""
    ) -> list[Facet]:
        conditions = DIALECT.translate(filter)
        request = edge.FacetRequest(field, limit=wanted(limit, prefix), exact=False, filter=conditions)
        counted: list[Any] = self._read(space, kind, [], lambda shard: shard.facet(request).hits)
        return best([Facet(hit.value, hit.count) for hit in counted], limit, prefix)

    def sample(self, space: str, kind: Kind, n: int, filter: Filter) -> list[Point]:
        request = edge.QueryRequest(
            limit=n,
            query=edge.Sample.Random,
            filter=DIALECT.translate(filter),
            with_vector=[VECTOR_NAME],
            with_payload=True,
        )
        hits: list[Any] = self._read(space, kind, [], lambda shard: shard.query(request))
        return [to_point(hit) for hit in hits]

    def optimize(self) -> None:
        """Builds HNSW graphs and frees the room of deleted points, all collections in turn.

        Holds the GIL for minutes at 100,000 points: for a process that serves nobody.
        """
        require_room(self._shards.folder, FOR_UPLOADS)
        for space in self.spaces():
            for kind in KINDS:
                self._read(space, kind, None, _optimize)

    def require_room(self) -> None:
        require_room(self._shards.folder, FOR_UPLOADS)
        if missing := max(0, len(KINDS) - len(self._shards.names())):
            # On a disk too small for the shards themselves, what is accepted would wait for ever.
            require_room(self._shards.folder, FOR_UPLOADS, missing * NEW_SHARD)

    def check(self) -> None:
        self._shards.check()

    def close(self) -> None:
        self._shards.close()

    def _read(self, space: str, kind: Kind, empty: T, call: Callable[[Any], T]) -> T:
        shard = self._shards.open(collection_name(space, kind))
        if shard is None:
            return empty
        try:
            with engine_errors():
                return call(shard)
        except MissingSpace:
            return empty

    def _write(self, space: str, kind: Kind, operation: Any, share: float = FOR_POINTS) -> None:
        shard = self._shards.open(collection_name(space, kind))
        if shard is None:
            raise MissingSpace(f"There is no collection of {kind}s for the space {space}.")
        require_room(self._shards.folder, share)
        with engine_errors():
            shard.update(operation)

    def _flush(self, space: str, kind: Kind) -> None:
        """The log alone survives `kill -9`; this survives a power cut, too."""
        self._read(space, kind, None, lambda shard: shard.flush())

    def _replace(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        """Points that are gone meanwhile stay away."""
        operation = edge.UpdateOperation.upsert_points(
            edge_points(points), update_mode=edge.UpdateMode.UpdateOnly
        )
        try:
            self._write(space, kind, operation)
        except MissingLexical:
            self._read(space, kind, None, _add_lexical)
            self._write(space, kind, operation)
        except MissingSpace:
            return

    def _change(self, space: str, kind: Kind, operation: Any, share: float = FOR_POINTS) -> None:
        try:
            self._write(space, kind, operation, share)
        except MissingSpace:
            return
        self._flush(space, kind)

    def _index_payload(self, shard: Any) -> None:
        """Adds the payload indexes that are missing, so that shards of an older version gain new ones."""
        schema = shard.info().payload_schema
        there = {field: str(info.data_type).rpartition(".")[2] for field, info in schema.items()}
        outdated = outdated_indexes(there, self._indexes)
        for field in outdated:
            shard.update(edge.UpdateOperation.delete_field_index(field))
        for field, kind in self._indexes.items():
            if field not in there or field in outdated:
                shard.update(edge.UpdateOperation.create_field_index(field, INDEXES[kind]))


def _config(dim: int) -> Any:
    return edge.EdgeConfig(
        vectors={VECTOR_NAME: edge.EdgeVectorParams(dim, edge.Distance.Cosine)},
        sparse_vectors={LEXICAL_NAME: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
        # Qdrant's own defaults but for ef_construct (100); `bench.store` measures the recall they give.
        # Under full_scan_threshold (KiB of vectors) a filtered search is exact.
        hnsw_config=edge.HnswIndexConfig(m=16, ef_construct=128, full_scan_threshold=10_000),
    )


def _optimize(shard: Any) -> None:
    shard.optimize()
    shard.flush()


def _add_lexical(shard: Any) -> None:
    """For shards of an older version: their points stay, and wait to be written anew with their words."""
    try:
        with engine_errors():
            shard.query(edge.QueryRequest(limit=1, query=nearest_words(SparseVector((0,), (1.0,)))))
    except MissingLexical:
        shard.update(edge.UpdateOperation.create_sparse_vector(LEXICAL_NAME, edge.Modifier.Idf))
        shard.flush()


def _require_dimension(shard: Any, space: Space, folder: Path) -> None:
    probe = edge.QueryRequest(limit=1, query=edge.Query.Nearest([0.0] * space.dim, VECTOR_NAME))
    try:
        with engine_errors():
            shard.query(probe)
    except ValueError as error:
        raise ConfigurationError(
            f"{folder} does not hold vectors of {space.dim} dimensions ({error})."
        ) from error
