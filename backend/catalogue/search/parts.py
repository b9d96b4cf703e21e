"""The vectors of a query's parts: texts and pictures are encoded, stored items are asked of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from backend.catalogue.search.queries import ItemPart, Part, PicturePart, TextPart
from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.relevance import QueryPart
from backend.errors import NotFound
from backend.originals import Originals
from backend.store.base import KINDS, Point, Vector, VectorStore
from encoders.calibration import Modality


class PartVectors:
    def __init__(
        self, catalogue: Catalogue, store: VectorStore, originals: Originals, encoder: QueryEncoder
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._originals = originals
        self._encoder = encoder

    def of(self, parts: Sequence[Part], tenant: str) -> list[QueryPart]:
        """All texts in one pass, all pictures in one pass. Raises `NotFound`, what reading a picture raises,
        `QueueFull` and `Unavailable`."""
        texts = {i: part.text for i, part in enumerate(parts) if isinstance(part, TextPart)}
        pictures = {i: (p.field, p.data) for i, p in enumerate(parts) if isinstance(p, PicturePart)}
        stored = {i: part for i, part in enumerate(parts) if isinstance(part, ItemPart)}
        items = self._items(stored, tenant) if stored else {}
        vectors: dict[int, Vector] = self._stored(items)
        for i, item in items.items():
            if i in vectors:
                continue
            # It waits for its point, and is encoded for this query alone.
            if item.kind == "caption":
                texts[i] = item.text or ""
            else:
                pictures[i] = (stored[i].field, self._originals.get(item.original or ""))
        if texts:
            vectors |= zip(texts, self._encoder.texts(list(texts.values())), strict=True)
        if pictures:
            vectors |= zip(pictures, self._encoder.pictures(pictures.values()), strict=True)
        return [
            QueryPart(_modality(part, items.get(i)), vectors[i], part.weight) for i, part in enumerate(parts)
        ]

    def _items(self, stored: Mapping[int, ItemPart], tenant: str) -> dict[int, Item]:
        known = self._catalogue.get(tenant, [part.id for part in stored.values()])
        for part in stored.values():
            if part.id not in known:
                raise NotFound(f"There is no item {part.id}.", part.field)
        return {i: known[part.id] for i, part in stored.items()}

    def _stored(self, items: Mapping[int, Item]) -> dict[int, Vector]:
        """Of those that have a point."""
        points: dict[str, Point] = {}
        for kind in KINDS:
            if ids := [item.id for item in items.values() if item.kind == kind]:
                points |= {point.id: point for point in self._store.get(self._encoder.space.name, kind, ids)}
        found = {i: points[item.id].vector for i, item in items.items() if item.id in points}
        return {i: vector for i, vector in found.items() if vector is not None}


def _modality(part: Part, item: Item | None) -> Modality:
    if item is not None:
        return "text" if item.kind == "caption" else "image"
    return "text" if isinstance(part, TextPart) else "image"
