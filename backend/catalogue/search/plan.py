"""What a parsed query becomes before it runs: a vector, a filter, and how far each list was given out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from backend.catalogue.search.queries import ItemPart, ListName, Part, SearchQuery, TextPart
from backend.catalogue.search.relevance import Scale
from backend.catalogue.search.search_cursor import FINGERPRINT_BYTES, Mark
from backend.catalogue.search.words import Words
from backend.store.base import Filter, Kind, Vector

Source = Literal["dense", "lexical", "captions"]
"""The items' vectors, their words, and for pictures the vectors of their captions."""


@dataclass(frozen=True)
class Plan:
    query: SearchQuery
    vector: Vector
    words: Words
    sources: tuple[Source, ...]
    """What is asked for hits, and fused when it is more than one."""
    filter: Filter
    """The query's, without the items that it was made of, and from the second page on as of the first."""
    as_of: datetime
    fingerprint: bytes
    marks: Mapping[ListName, Mark]
    """Of the page before; empty at the first one."""
    scales: Mapping[Kind, Scale]
    """Of relevance; without those directions that are not calibrated."""

    @property
    def plain(self) -> bool:
        """Whether every list is what the store answers to the vector, in the store's order."""
        query = self.query
        reordered = query.merge or query.diversify or query.group_by or query.order_by != "relevance"
        return self.sources == ("dense",) and not reordered

    def min_score(self, kind: Kind) -> float | None:
        """The cosine that a hit needs, by its score and by its relevance."""
        cuts = [] if self.query.min_score is None else [self.query.min_score]
        if self.query.min_relevance:
            cuts.append(self.scales[kind].cosine(self.query.min_relevance))
        return max(cuts, default=None)


def fingerprint(query: SearchQuery, space: str, fuse_captions: bool) -> bytes:
    """Of everything that must stay the same from page to page."""
    parts = [_part(part) for part in query.parts]
    settled = replace(query, parts=(), limit=0, cursor=None, kinds=tuple(sorted(query.kinds)))
    # Plain values and tuples all the way down: what is equal is written alike.
    canonical = repr((space, fuse_captions, parts, settled))
    return hashlib.sha256(canonical.encode()).digest()[:FINGERPRINT_BYTES]


def _part(part: Part) -> tuple[str, str, float]:
    if isinstance(part, TextPart):
        return "text", part.text, part.weight
    if isinstance(part, ItemPart):
        return "item", part.id, part.weight
    return "picture", hashlib.sha256(part.data).hexdigest(), part.weight
