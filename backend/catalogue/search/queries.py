"""What a search asks for and what it answers, as plain values that cross the package's border."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.catalogue.items import Item
from backend.store.base import KINDS, Filter, Kind

Mode = Literal["dense", "lexical", "hybrid"]
"""By meaning, by the words themselves, or by both."""
ListName = Literal["image", "caption", "merged"]
LISTS: tuple[ListName, ...] = (*KINDS, "merged")
"""Of an answer: one a modality, and the one over both."""


@dataclass(frozen=True)
class TextPart:
    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class ItemPart:
    """A stored item; it is left out of the answer. `field` is what to blame when it is not there."""

    id: str
    weight: float = 1.0
    field: str = "query"


@dataclass(frozen=True)
class PicturePart:
    """An uploaded picture, as it came. `field` is what to blame when it cannot be read."""

    data: bytes
    field: str
    weight: float = 1.0


Part = TextPart | ItemPart | PicturePart


@dataclass(frozen=True)
class SearchQuery:
    parts: tuple[Part, ...]
    filter: Filter
    kinds: tuple[Kind, ...] = KINDS
    limit: int = 20
    min_score: float | None = None
    min_relevance: float | None = None
    cursor: str | None = None
    mode: Mode = "dense"
    merge: Literal["rrf"] | None = None
    diversify: float = 0.0
    """0: by rank alone, 1: as different from each other as possible."""
    group_by: Literal["image"] | None = None
    order_by: Literal["relevance", "created_at"] = "relevance"

    def lists(self) -> tuple[ListName, ...]:
        """The lists of the answer."""
        return (*self.kinds, "merged") if self.merge else self.kinds


@dataclass(frozen=True)
class Hit:
    item: Item
    score: float
    """Cosine between the query and the item."""
    relevance: float | None = None
    """The share of true matches that score lower; None in a space that is not calibrated."""


@dataclass(frozen=True)
class Found:
    hits: dict[ListName, list[Hit]]
    next_cursor: str | None
    space: str
    encode_ms: float
    search_ms: float
