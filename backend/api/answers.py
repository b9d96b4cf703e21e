"""What answers look like: models for the OpenAPI document, and the plain dictionaries that fit them.

Answers are built as dictionaries because a search may carry two thousand hits; tests hold the two together.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from backend.api.models import Id, Time
from backend.api.problems import problem_of
from backend.api.signing import Signer
from backend.catalogue.items import Item
from backend.catalogue.search.queries import Hit
from backend.uploads import Refusal, Report


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LinksDocument(Answer):
    """Paths on this server. A caption's pictures are those of the image it belongs to."""

    self: str
    content: str | None
    thumbnail: str | None


class ErrorDocument(Answer):
    code: str
    detail: str


class ItemDocument(Answer):
    id: Id
    kind: Literal["image", "caption"]
    status: Literal["pending", "indexed", "failed"]
    duplicate: bool = Field(description="True in the answer to an upload of what was there already.")
    error: ErrorDocument | None
    text: str | None
    image_id: Id | None
    filename: str | None
    content_type: str | None
    width: int | None
    height: int | None
    tags: list[str]
    metadata: dict[str, Any]
    created_at: Time
    indexed_at: Time | None
    links: LinksDocument


class HitDocument(Answer):
    id: Id
    kind: Literal["image", "caption"]
    score: float = Field(description="Cosine between the query and this item.", examples=[0.31])
    relevance: float | None = Field(
        description="The share of true matches, of a query like this with items like this, that score lower. "
        "Null while nothing is known about the space.",
        examples=[0.62],
    )
    text: str | None
    image_id: Id | None
    filename: str | None
    width: int | None
    height: int | None
    tags: list[str]
    metadata: dict[str, Any]
    links: LinksDocument


class RefusalDocument(Answer):
    index: int = Field(description="Place in the request, counted from 0.")
    filename: str | None
    code: str
    detail: str


class UploadAnswer(Answer):
    items: list[ItemDocument]
    errors: list[RefusalDocument]


class ItemsAnswer(Answer):
    items: list[ItemDocument]
    next_cursor: str | None


class TookMs(Answer):
    encode: float
    search: float
    total: float


class Indexing(Answer):
    indexed: int
    total: int


class SearchAnswer(Answer):
    images: list[HitDocument]
    captions: list[HitDocument]
    merged: list[HitDocument] | None = Field(description="With `merge`: one list over both modalities.")
    next_cursor: str | None
    space: str
    took_ms: TookMs
    indexing: Indexing | None = Field(
        description="While items wait to be encoded: how many of them can be found already."
    )


class EmbedAnswer(Answer):
    space: str
    dim: int
    vectors: list[list[float]]


class SpaceDocument(Answer):
    name: str
    dim: int
    fingerprint: str
    languages: list[str]
    licence: str


class StatsAnswer(Answer):
    space: SpaceDocument
    images: int
    captions: int
    pending: int
    failed: int
    indexing: Indexing | None
    tenant: str
    version: str


class AliveAnswer(Answer):
    status: Literal["alive"]


class CheckDocument(Answer):
    ok: bool
    detail: str | None = None


class ReadyAnswer(Answer):
    status: Literal["ready"]
    checks: dict[str, CheckDocument]


class FieldErrorDocument(Answer):
    field: str
    message: str


class ProblemDocument(BaseModel):
    """RFC 9457 problem details. `code` is stable; 422 names the fields in `errors`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldErrorDocument] = []


def answer(document: dict[str, Any], status: int = 200) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(body.encode("utf-8"), status, content_type="application/json")


def item_document(item: Item, signer: Signer, duplicate: bool = False) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "status": item.status,
        "duplicate": duplicate,
        "error": {"code": item.error_code, "detail": item.error_detail or ""} if item.error_code else None,
        "text": item.text,
        "image_id": item.image_id,
        "filename": item.filename,
        "content_type": item.content_type,
        "width": item.width,
        "height": item.height,
        "tags": item.tags,
        "metadata": item.metadata,
        "created_at": _rfc3339(item.created_at),
        "indexed_at": _rfc3339(item.indexed_at) if item.indexed_at else None,
        "links": _links(item, signer),
    }


def hit_document(hit: Hit, signer: Signer) -> dict[str, Any]:
    item = hit.item
    return {
        "id": item.id,
        "kind": item.kind,
        "score": hit.score,
        "relevance": hit.relevance,
        "text": item.text,
        "image_id": item.image_id,
        "filename": item.filename,
        "width": item.width,
        "height": item.height,
        "tags": item.tags,
        "metadata": item.metadata,
        "links": _links(item, signer),
    }


def upload_document(report: Report, signer: Signer) -> dict[str, Any]:
    """Raises the first error when nothing was acceptable."""
    if report.refused and not report.added:
        raise report.refused[0].error
    items = [item_document(one.item, signer, one.duplicate) for one in report.added]
    return {"items": items, "errors": [_refusal_document(refusal) for refusal in report.refused]}


def _refusal_document(refusal: Refusal) -> dict[str, Any]:
    problem = problem_of(refusal.error)
    return {
        "index": refusal.index,
        "filename": refusal.filename,
        "code": problem.code,
        "detail": problem.detail,
    }


def _links(item: Item, signer: Signer) -> dict[str, str | None]:
    root = request.script_root
    image = item.id if item.kind == "image" else item.image_id
    links: dict[str, str | None] = {"self": f"{root}/v1/items/{item.id}", "content": None, "thumbnail": None}
    if image is not None:
        for name in ("content", "thumbnail"):
            path = f"/v1/images/{image}/{name}"
            links[name] = f"{root}{path}{signer.query(path, item.tenant)}"
    return links


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
