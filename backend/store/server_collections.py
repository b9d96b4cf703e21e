"""The collections of a Qdrant server: made, checked and brought up to date for a space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qdrant_client import QdrantClient, models

from backend.errors import ConfigurationError
from backend.settings import RangeKind
from backend.store.base import LEXICAL_NAME, VECTOR_NAME
from backend.store.client_errors import client_errors
from backend.store.filters import IndexKind, outdated_indexes, payload_indexes
from backend.store.ownership import Ownership
from encoders.base import Space

INDEXES: dict[IndexKind, Any] = {
    "keyword": models.PayloadSchemaType.KEYWORD,
    "datetime": models.PayloadSchemaType.DATETIME,
    "float": models.PayloadSchemaType.FLOAT,
}
COMPRESSED = models.VectorParamsDiff(
    on_disk=True,
    quantization_config=models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, quantile=0.99, always_ram=True)
    ),
)


class Collections:
    """What the arguments mean is said at `server.ServerStore`."""

    def __init__(
        self,
        client: QdrantClient,
        ownership: Ownership,
        ranges: Mapping[str, RangeKind],
        compress: bool,
        shards: int | None,
        replicas: int | None,
    ) -> None:
        self._client = client
        self._ownership = ownership
        self._indexes = payload_indexes(ranges)
        self._compress = compress
        self._shards, self._replicas = shards, replicas

    def ensure(self, name: str, space: Space) -> None:
        """Raises `ConfigurationError` when it has vectors of another dimension, `ForeignSpace` when it is
        another installation's."""
        if not self._client.collection_exists(name):
            self._create(name, space.dim)
        info = self._client.get_collection(name)
        self._ownership.claim(name, info)
        _require_dimension(name, info, space)
        params = _params(info)
        if self._compress and params and params.quantization_config is None:
            self._client.update_collection(name, vectors_config={VECTOR_NAME: COMPRESSED})
        if LEXICAL_NAME not in (info.config.params.sparse_vectors or {}):
            self.add_lexical(name)
        self._index_payload(name, info)

    def _create(self, name: str, dim: int) -> None:
        vectors = {VECTOR_NAME: models.VectorParams(size=dim, distance=models.Distance.COSINE)}
        words = {LEXICAL_NAME: models.SparseVectorParams(modifier=models.Modifier.IDF)}
        try:
            with client_errors():
                self._client.create_collection(
                    name,
                    vectors_config=vectors,
                    sparse_vectors_config=words,
                    metadata=self._ownership.mark,
                    shard_number=self._shards,
                    replication_factor=self._replicas,
                )
        except ValueError:
            # Another process was faster; if it was refused for anything else, it is not there now.
            if not self._client.collection_exists(name):
                raise

    def add_lexical(self, name: str) -> None:
        """For collections of an older version: their points stay, and wait to be written anew with their
        words. Two processes may find it missing at the same time; Qdrant makes it once."""
        config = models.SparseVectorConfig(modifier=models.Modifier.IDF)
        self._client.create_vector_name(name, LEXICAL_NAME, models.SparseVectorNameConfig(sparse=config))

    def _index_payload(self, name: str, info: models.CollectionInfo) -> None:
        there = {field: there.data_type.value for field, there in info.payload_schema.items()}
        outdated = outdated_indexes(there, self._indexes)
        for field in outdated:
            self._client.delete_payload_index(name, field, wait=True)
        for field, kind in self._indexes.items():
            if field not in there or field in outdated:
                self._client.create_payload_index(name, field, _schema(field, kind), wait=True)


def _require_dimension(name: str, info: models.CollectionInfo, space: Space) -> None:
    params = _params(info)
    if params is None or params.size != space.dim:
        raise ConfigurationError(
            f"Qdrant's collection {name} has no `{VECTOR_NAME}` vectors of {space.dim} dimensions."
        )


def _schema(field: str, kind: IndexKind) -> Any:
    if field == "tenant":
        return models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    return INDEXES[kind]


def _params(info: models.CollectionInfo) -> models.VectorParams | None:
    vectors = info.config.params.vectors
    return vectors.get(VECTOR_NAME) if isinstance(vectors, dict) else None
