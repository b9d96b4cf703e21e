"""A Qdrant server or cluster as the vector store of the distributed profile."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from qdrant_client import QdrantClient, models

from backend.settings import RangeKind, Settings
from backend.store.base import (
    KINDS,
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
    Vector,
    collection_name,
    spaces_of,
    with_vectors_of,
)
from backend.store.client_errors import client_errors
from backend.store.facets import best, wanted
from backend.store.filters import NO_RANGES
from backend.store.ownership import Ownership
from backend.store.ranking import rank
from backend.store.server_collections import Collections
from backend.store.server_records import (
    DIALECT,
    REQUEST_POINTS,
    in_requests,
    nearest,
    point_structs,
    to_point,
    to_scored,
    to_vector,
)
from encoders.base import Space

T = TypeVar("T")


class ServerStore:
    """Every call is one request or a few; none is retried here, since only callers know what may wait."""

    def __init__(
        self,
        client: QdrantClient,
        ranges: Mapping[str, RangeKind] = NO_RANGES,
        *,
        compress: bool = False,
        prefix: str = "",
        shards: int | None = None,
        replicas: int | None = None,
        installation: str | None = None,
    ) -> None:
        """`compress`: a byte a dimension in memory, the whole vectors on disk alone. `prefix`: of the names
        of all collections. `shards`, `replicas`: of new ones; None is Qdrant's default. `installation`: whose
        they are (see `ownership`); None looks at anybody's."""
        self._client = client
        self._prefix = prefix
        self._ownership = Ownership(client, installation)
        self._collections = Collections(client, self._ownership, ranges, compress, shards, replicas)

    @classmethod
    def connect(cls, settings: Settings, installation: str | None = None) -> ServerStore:
        """Asks the server nothing yet: it may come up after us."""
        with warnings.catch_warnings():
            # In a network of its own, as in the compose project, there is no TLS; the doctor knows more.
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection")
            client = QdrantClient(
                url=settings.qdrant_url,
                api_key=settings.qdrant_api_key,
                prefer_grpc=settings.qdrant_grpc,
                timeout=math.ceil(settings.qdrant_timeout),
                check_compatibility=False,
            )
        return cls(
            client,
            settings.ranges(),
            compress=settings.qdrant_quantization == "int8",
            prefix=settings.qdrant_prefix,
            shards=settings.qdrant_shards,
            replicas=settings.qdrant_replicas,
            installation=installation,
        )

    def ensure_space(self, space: Space) -> None:
        for kind in KINDS:
            with client_errors():
                self._collections.ensure(self._name(space.name, kind), space)

    def spaces(self) -> list[str]:
        with client_errors():
            names = [found.name for found in self._client.get_collections().collections]
        likely = [name for name in names if name.startswith(self._prefix) and spaces_of([self._bare(name)])]
        return spaces_of([self._bare(name) for name in likely if self._ownership.is_ours(name)])

    def drop_space(self, name: str) -> None:
        for kind in KINDS:
            self._read(name, kind, None, self._client.delete_collection)
            self._ownership.forget(self._name(name, kind))

    def upsert(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        name = self._name(space, kind)
        self._ownership.require(name)
        for batch in in_requests(points):
            with client_errors():
                self._client.upsert(name, point_structs(batch), wait=True)

    def get(self, space: str, kind: Kind, ids: Sequence[str]) -> list[Point]:
        def retrieve(name: str) -> list[Any]:
            return self._client.retrieve(name, list(ids), with_payload=True, with_vectors=[VECTOR_NAME])

        found = {point.id: point for point in map(to_point, self._read(space, kind, [], retrieve))}
        return [found[id] for id in ids if id in found]

    def vectors(self, space: str, kind: Kind, ids: Sequence[str]) -> dict[str, Vector]:
        def retrieve(name: str) -> list[Any]:
            return self._client.retrieve(name, list(ids), with_payload=False, with_vectors=[VECTOR_NAME])

        records: list[Any] = self._read(space, kind, [], retrieve)
        return {str(record.id): to_vector(record) for record in records}

    def refresh(self, space: str, kind: Kind, points: Sequence[Point]) -> None:
        for start in range(0, len(points), REQUEST_POINTS):
            batch = points[start : start + REQUEST_POINTS]
            there = self.get(space, kind, [point.id for point in batch])
            for some in in_requests(with_vectors_of(there, batch)):
                structs = point_structs(some)
                try:
                    self._update(space, kind, structs)
                except MissingLexical:
                    self._read(space, kind, None, self._collections.add_lexical)
                    self._update(space, kind, structs)

    def delete(self, space: str, kind: Kind, ids: Sequence[str]) -> None:
        if not ids:
            return  # Qdrant refuses an update of nothing.
        selector = models.PointIdsList(points=list(ids))
        self._read(space, kind, None, lambda name: self._client.delete(name, selector, wait=True))

    def set_payload(self, space: str, kind: Kind, id: str, payload: dict[str, Any]) -> None:
        # By filter: by id, Qdrant answers 404 when the point is not there.
        only = models.Filter(must=[DIALECT.has_id([id])])
        self._read(space, kind, None, lambda name: self._client.set_payload(name, payload, only, wait=True))

    def count(self, space: str, kind: Kind, filter: Filter | None = None) -> int:
        conditions = DIALECT.translate(filter) if filter else None
        return self._read(space, kind, 0, lambda name: self._client.count(name, conditions, exact=True).count)

    def scroll(
        self, space: str, kind: Kind, limit: int = 1000, after: str | None = None
    ) -> tuple[list[str], str | None]:
        def page(name: str) -> tuple[list[Any], Any]:
            return self._client.scroll(
                name, limit=limit, offset=after, with_payload=False, with_vectors=False
            )

        nothing: tuple[list[Any], Any] = ([], None)
        records, following = self._read(space, kind, nothing, page)
        return [str(record.id) for record in records], None if following is None else str(following)

    def query(self, space: str, kind: Kind, query: Query) -> list[ScoredPoint]:
        return self.query_batch(space, kind, [query])[0]

    def query_batch(self, space: str, kind: Kind, queries: Sequence[Query]) -> list[list[ScoredPoint]]:
        def search(wanted: Sequence[tuple[Query, int]]) -> list[list[ScoredPoint]]:
            requests = [nearest(query, n) for query, n in wanted]

            def ask(name: str) -> list[list[ScoredPoint]]:
                answers = self._client.query_batch_points(name, requests)
                return [[to_scored(hit) for hit in answer.points] for answer in answers]

            return self._read(space, kind, [[] for _ in wanted], ask)

        return rank(queries, search)

    def facet(
        self, space: str, kind: Kind, field: FacetField, limit: int, filter: Filter, prefix: str = ""
    ) -> list[Facet]:
        def count(name: str) -> list[Any]:
            conditions = DIALECT.translate(filter)
            return self._client.facet(name, field, conditions, wanted(limit, prefix), exact=False).hits

        counted: list[Any] = self._read(space, kind, [], count)
        return best([Facet(str(hit.value), hit.count) for hit in counted], limit, prefix)

    def sample(self, space: str, kind: Kind, n: int, filter: Filter) -> list[Point]:
        def draw(name: str) -> list[Any]:
            return self._client.query_points(
                name,
                query=models.SampleQuery(sample=models.Sample.RANDOM),
                query_filter=DIALECT.translate(filter),
                limit=n,
                with_payload=True,
                with_vectors=[VECTOR_NAME],
            ).points

        hits: list[Any] = self._read(space, kind, [], draw)
        return [to_point(hit) for hit in hits]

    def optimize(self) -> None:
        """Nothing to do: the server builds its HNSW graphs by itself, beside its work."""

    def require_room(self) -> None:
        """The server looks after its own disk, and answers when it is full."""

    def check(self) -> None:
        with client_errors():
            self._client.get_collections()

    def close(self) -> None:
        self._client.close()

    def _read(self, space: str, kind: Kind, empty: T, call: Callable[[str], T]) -> T:
        name = self._name(space, kind)
        self._ownership.require(name)
        try:
            with client_errors():
                return call(name)
        except MissingSpace:
            return empty

    def _name(self, space: str, kind: Kind) -> str:
        return self._prefix + collection_name(space, kind)

    def _bare(self, name: str) -> str:
        return name.removeprefix(self._prefix)

    def _update(self, space: str, kind: Kind, structs: list[models.PointStruct]) -> None:
        def update(name: str) -> object:
            return self._client.upsert(name, structs, wait=True, update_mode=models.UpdateMode.UPDATE_ONLY)

        self._read(space, kind, None, update)
