"""What the API answers, as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

Kind = Literal["image", "caption"]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Item:
    id: str
    kind: Kind
    status: Literal["pending", "indexed", "failed"]
    duplicate: bool = False
    error: dict[str, str] | None = None
    text: str | None = None
    image_id: str | None = None
    filename: str | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: str | None = None
    indexed_at: str | None = None
    links: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Hit:
    id: str
    kind: Kind
    score: float
    """Cosine between the query and the hit."""
    relevance: float | None = None
    """0 to 1: the share of true matches that score lower; None where the space was never calibrated."""
    text: str | None = None
    image_id: str | None = None
    filename: str | None = None
    width: int | None = None
    height: int | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    links: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """One input of an upload that was not accepted; `index` is its place in the request."""

    index: int
    code: str
    detail: str
    filename: str | None = None


@dataclass(frozen=True)
class Uploaded:
    items: list[Item]
    """In the order of the input, without what was refused."""
    errors: list[Refusal]


@dataclass(frozen=True)
class Found:
    images: list[Hit]
    captions: list[Hit]
    merged: list[Hit]
    """Both in one order, when `merge` asked for it."""
    next_cursor: str | None
    space: str
    took_ms: dict[str, float]


@dataclass(frozen=True)
class Facet:
    value: str
    count: int


@dataclass(frozen=True)
class Label:
    label: str
    score: float
    """Cosine between the picture and the label."""
    probability: float
    """Among the labels that were asked for."""


def build(kind: type[Answer], values: Mapping[str, Any]) -> Answer:
    """Takes what `kind` knows: a newer server may say more."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**{k: tuple(v) if k == "tags" else v for k, v in values.items() if k in known})


def found(answer: Mapping[str, Any]) -> Found:
    """A search's JSON answer, typed; a list that was not asked for is empty."""
    return Found(
        images=[build(Hit, hit) for hit in answer.get("images") or ()],
        captions=[build(Hit, hit) for hit in answer.get("captions") or ()],
        merged=[build(Hit, hit) for hit in answer.get("merged") or ()],
        next_cursor=answer["next_cursor"],
        space=answer["space"],
        took_ms=answer["took_ms"],
    )


def uploaded(answer: Mapping[str, Any]) -> Uploaded:
    return Uploaded(
        items=[build(Item, item) for item in answer["items"]],
        errors=[build(Refusal, error) for error in answer["errors"]],
    )
