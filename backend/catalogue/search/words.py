"""The words of a query, wanted and unwanted, for searches by the words themselves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.search.queries import ItemPart, SearchQuery, TextPart
from backend.store import lexical
from backend.store.base import SparseVector

NOTHING = 1e-6
"""What is left of a word that is wanted as much as it is unwanted."""


@dataclass(frozen=True)
class Words:
    wanted: SparseVector
    """Hits have one of them at least."""
    unwanted: SparseVector
    """They count against a hit."""


def words_of(query: SearchQuery, catalogue: Catalogue) -> Words:
    """Those of texts and of stored captions; pictures have none. They are summed as vectors are: each part
    counts alike, however many words it has. Empty in a search by meaning alone. Raises `Unavailable`."""
    weights: dict[int, float] = {}
    for text, weight in _texts(query, catalogue) if query.mode != "dense" else ():
        found = lexical.query(text)
        length = math.sqrt(sum(value**2 for value in found.values))
        for index, value in zip(found.indices, found.values, strict=True):
            weights[index] = weights.get(index, 0.0) + weight * value / length
    return Words(_above_zero(weights), _above_zero({index: -weight for index, weight in weights.items()}))


def _above_zero(weights: dict[int, float]) -> SparseVector:
    heard = {index: weight for index, weight in weights.items() if weight > NOTHING}
    return SparseVector(tuple(heard), tuple(heard.values()))


def _texts(query: SearchQuery, catalogue: Catalogue) -> Iterator[tuple[str, float]]:
    stored = [part.id for part in query.parts if isinstance(part, ItemPart)]
    # A later page goes on without what was deleted since the first.
    items = catalogue.get(query.filter.tenant, stored) if stored else {}
    for part in query.parts:
        if isinstance(part, TextPart):
            yield part.text, part.weight
        elif isinstance(part, ItemPart) and part.id in items:
            yield items[part.id].text or "", part.weight
