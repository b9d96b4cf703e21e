"""What the catalogue knows of an item, as plain values that cross the package's border."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from backend.store.base import Kind

Status = Literal["pending", "indexed", "failed"]
MAX_TAGS = 50
"""Of an item, however many uploads brought them."""


@dataclass(frozen=True)
class Item:
    id: str
    tenant: str
    kind: Kind
    status: Status
    generation: int
    """Raised by every change that makes work in flight obsolete."""
    created_at: datetime
    indexed_at: datetime | None = None
    space: str | None = None
    """Name of the space that holds its point; None: none does."""
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    image_id: str | None = None
    filename: str | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    original: str | None = None
    """Key of the stored bytes (`backend.originals`), images only."""
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True)
class NewImage:
    sha256: str
    original: str
    filename: str
    content_type: str
    width: int
    height: int
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    lost: str | None = None
    """Key of bytes that turned out to be gone: an item that still refers to it takes `original` instead."""


@dataclass(frozen=True)
class NewCaption:
    text: str
    image_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """The request that brings items in."""

    request_id: str | None = None
    bulk: bool = False
    """It brings many: they wait for those that come alone."""
    max_metadata_bytes: int | None = None
    """Of an item that is there already, with what it gains; None: any."""


NO_REQUEST = Source()


@dataclass(frozen=True)
class Added:
    item: Item
    duplicate: bool


@dataclass(frozen=True)
class Listing:
    """Which items to list, newest first."""

    kind: Kind | None = None
    status: Status | None = None
    tag: str | None = None
    image_id: str | None = None
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Counts:
    images: int
    """Indexed images; `captions` likewise."""
    captions: int
    pending: int
    failed: int
    in_space: int
    """Indexed items whose point is in the current space: the rest is being encoded into it."""


def metadata_bytes(metadata: dict[str, Any]) -> int:
    """As JSON."""
    return len(json.dumps(metadata, ensure_ascii=False).encode())


NAMESPACE = uuid.UUID("6f0d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10")


def image_id(tenant: str, sha256: str) -> str:
    return str(uuid.uuid5(NAMESPACE, f"{tenant}\0image\0{sha256}"))


def caption_id(tenant: str, image_id: str | None, text: str) -> str:
    """The same text for two pictures is two items: one can go without the other."""
    return str(uuid.uuid5(NAMESPACE, f"{tenant}\0caption\0{image_id or ''}\0{text}"))
