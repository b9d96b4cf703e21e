"""Qdrant's REST calls, as far as we speak them, carried out by the Python client's local mode."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

COMPLETED = {"operation_id": 0, "status": "completed"}


class NotThereError(Exception):
    """404."""


class AlreadyThereError(Exception):
    """409."""


class Engine:
    """The REST calls on a local client, one at a time: local mode is not made for threads."""

    def __init__(self, data: Path | None) -> None:
        where: dict[str, Any] = {"path": str(data)} if data else {"location": ":memory:"}
        self._client = QdrantClient(**where, force_disable_check_same_thread=True)
        self._lock = threading.RLock()
        self._schemas: dict[str, dict[str, Any]] = {}
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            ("GET", re.compile(r"/collections"), self._list),
            ("GET", re.compile(r"/collections/([^/]+)/exists"), self._exists),
            ("GET", re.compile(r"/collections/([^/]+)"), self._info),
            ("PUT", re.compile(r"/collections/([^/]+)"), self._create),
            ("PATCH", re.compile(r"/collections/([^/]+)"), self._change),
            ("DELETE", re.compile(r"/collections/([^/]+)"), self._drop),
            ("PUT", re.compile(r"/collections/([^/]+)/index"), self._index),
            ("DELETE", re.compile(r"/collections/([^/]+)/index/([^/]+)"), self._drop_index),
            ("PUT", re.compile(r"/collections/([^/]+)/vectors/([^/]+)"), self._create_vector),
            ("PUT", re.compile(r"/collections/([^/]+)/points"), self._upsert),
            ("POST", re.compile(r"/collections/([^/]+)/points"), self._retrieve),
            ("POST", re.compile(r"/collections/([^/]+)/points/delete"), self._delete),
            ("POST", re.compile(r"/collections/([^/]+)/points/payload"), self._set_payload),
            ("POST", re.compile(r"/collections/([^/]+)/points/count"), self._count),
            ("POST", re.compile(r"/collections/([^/]+)/points/scroll"), self._scroll),
            ("POST", re.compile(r"/collections/([^/]+)/points/query"), self._query),
            ("POST", re.compile(r"/collections/([^/]+)/points/query/batch"), self._query_batch),
            ("POST", re.compile(r"/collections/([^/]+)/facet"), self._facet),
        ]

    def call(self, method: str, path: str, body: Any) -> Any:
        """The `result` of Qdrant's answer."""
        for verb, pattern, action in self._routes:
            match = pattern.fullmatch(path)
            if verb == method and match:
                with self._lock, warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    if match.groups() and action not in (self._exists, self._create, self._drop):
                        self._require(match[1])
                    return action(*match.groups(), body) if body is not None else action(*match.groups())
        raise NotThereError(f"no route {method} {path}")

    def close(self) -> None:
        with self._lock:
            self._client.close()

    def _require(self, name: str) -> None:
        if not self._client.collection_exists(name):
            raise NotThereError(f"Not found: Collection `{name}` doesn't exist!")

    def _list(self) -> Any:
        return {"collections": [{"name": found.name} for found in self._client.get_collections().collections]}

    def _exists(self, name: str) -> Any:
        return {"exists": self._client.collection_exists(name)}

    def _info(self, name: str) -> Any:
        info = plain(self._client.get_collection(name))
        schema = {key: {"data_type": kind, "points": 0} for key, kind in self._schemas.get(name, {}).items()}
        return info | {"payload_schema": schema}

    def _create(self, name: str, body: Any) -> Any:
        if self._client.collection_exists(name):
            raise AlreadyThereError(f"Wrong input: Collection `{name}` already exists!")
        request = models.CreateCollection.model_validate(body)
        return self._client.create_collection(
            name,
            vectors_config=request.vectors,
            sparse_vectors_config=request.sparse_vectors,
            metadata=request.metadata,
        )

    def _change(self, name: str, body: Any) -> Any:
        """How vectors are kept is looked at and forgotten: local mode knows nothing of it."""
        request = models.UpdateCollection.model_validate(body)
        return self._client.update_collection(name, metadata=request.metadata) or True

    def _drop(self, name: str) -> Any:
        there = self._client.collection_exists(name)
        self._client.delete_collection(name)
        self._schemas.pop(name, None)
        return there

    def _index(self, name: str, body: Any) -> Any:
        request = models.CreateFieldIndex.model_validate(body)
        schema = request.field_schema
        kind = schema.value if isinstance(schema, models.PayloadSchemaType) else schema.type.value
        self._schemas.setdefault(name, {})[request.field_name] = kind
        return COMPLETED

    def _drop_index(self, name: str, field: str) -> Any:
        self._schemas.get(name, {}).pop(unquote(field), None)
        return COMPLETED

    def _create_vector(self, name: str, vector_name: str, body: Any) -> Any:
        config = TypeAdapter(models.VectorNameConfig).validate_python(body)
        self._client.create_vector_name(name, vector_name, config)
        return COMPLETED

    def _upsert(self, name: str, body: Any) -> Any:
        request = models.PointsList.model_validate(body)
        vectors = self._client.get_collection(name).config.params.vectors
        for point in request.points:
            for vector_name, vector in point.vector.items():
                if vector_name in vectors and len(vector) != vectors[vector_name].size:
                    raise ValueError("Wrong input: Vector dimension error")
        return self._client.upsert(name, request.points, update_mode=request.update_mode)

    def _retrieve(self, name: str, body: Any) -> Any:
        request = models.PointRequest.model_validate(body)
        return self._client.retrieve(name, request.ids, request.with_payload, request.with_vector)

    def _delete(self, name: str, body: Any) -> Any:
        return self._client.delete(name, TypeAdapter(models.PointsSelector).validate_python(body))

    def _set_payload(self, name: str, body: Any) -> Any:
        request = models.SetPayload.model_validate(body)
        return self._client.set_payload(name, request.payload, request.filter or request.points)

    def _count(self, name: str, body: Any) -> Any:
        return self._client.count(name, models.CountRequest.model_validate(body).filter)

    def _scroll(self, name: str, body: Any) -> Any:
        request = models.ScrollRequest.model_validate(body)
        points, following = self._client.scroll(
            name,
            request.filter,
            limit=request.limit or 10,
            offset=request.offset,
            with_payload=request.with_payload,
            with_vectors=request.with_vector or False,
        )
        return {"points": plain(points), "next_page_offset": following}

    def _query(self, name: str, body: Any) -> Any:
        return self._query_batch(name, {"searches": [body]})[0]

    def _query_batch(self, name: str, body: Any) -> Any:
        searches = models.QueryRequestBatch.model_validate(body).searches
        there = self._client.get_collection(name).config.params
        for search in searches:
            if search.using and search.using not in {*there.vectors, *(there.sparse_vectors or {})}:
                raise ValueError(f"Wrong input: Not existing vector name error: {search.using}")
        return plain(self._client.query_batch_points(name, searches))

    def _facet(self, name: str, body: Any) -> Any:
        request = models.FacetRequest.model_validate(body)
        return self._client.facet(name, request.key, request.filter, request.limit or 10, request.exact)


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return [plain(entry) for entry in value] if isinstance(value, list) else value
