"""Makes the plan of a search: encodes what the query is made of, or reads it from the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.plan import Plan, Source, fingerprint
from backend.catalogue.queries import ItemPart, Part, PicturePart, SearchQuery, TextPart
from backend.catalogue.query_vectors import QueryEncoder, combine
from backend.catalogue.search_cursor import decode_cursor, half
from backend.errors import InvalidRequest, NotFound
from backend.originals import Originals
from backend.store import lexical
from backend.store.base import KINDS, Point, SparseVector, Vector, VectorStore


class Planner:
    def __init__(
        self,
        catalogue: Catalogue,
        store: VectorStore,
        originals: Originals,
        encoder: QueryEncoder,
        cursor_key: bytes | None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._originals = originals
        self._encoder = encoder
        self._cursor_key = cursor_key

    def plan(self, query: SearchQuery) -> Plan:
        """Raises `InvalidRequest`, `InvalidCursor`, `NotFound` (an item of the query), `QueueFull` and
        `Unavailable`."""
        space = self._encoder.space
        made_for = fingerprint(query, space.name)
        used = tuple(part.id for part in query.parts if isinstance(part, ItemPart))
        filter = replace(query.filter, not_ids=query.filter.not_ids + used) if used else query.filter
        words = words_of(query)
        sources = _sources(query, words)
        if query.cursor is not None:
            cursor = decode_cursor(query.cursor, made_for, space.dim, self._cursor_key)
            filter = replace(filter, indexed_before=cursor.as_of)
            return Plan(query, cursor.vector, words, sources, filter, cursor.as_of, made_for, cursor.marks)
        weights = [part.weight for part in query.parts]
        vector = combine(self._vectors(query.parts, query.filter.tenant), weights)
        return Plan(query, half(vector), words, sources, filter, datetime.now(UTC), made_for, {})

    def _vectors(self, parts: Sequence[Part], tenant: str) -> list[Vector]:
        """One unit vector a part; all texts in one pass, all pictures in one pass."""
        vectors: dict[int, Vector] = {}
        texts = {i: part.text for i, part in enumerate(parts) if isinstance(part, TextPart)}
        pictures = {i: (p.field, p.data) for i, p in enumerate(parts) if isinstance(p, PicturePart)}
        stored = {i: part.id for i, part in enumerate(parts) if isinstance(part, ItemPart)}
        if stored:
            self._add_stored(stored, tenant, vectors, texts, pictures)
        if texts:
            vectors |= zip(texts, self._encoder.texts(list(texts.values())), strict=True)
        if pictures:
            vectors |= zip(pictures, self._encoder.pictures(pictures.values()), strict=True)
        return [vectors[i] for i in range(len(parts))]

    def _add_stored(
        self,
        stored: dict[int, str],
        tenant: str,
        vectors: dict[int, Vector],
        texts: dict[int, str],
        pictures: dict[int, tuple[str, bytes]],
    ) -> None:
        """Vectors from the store; what has no point yet (still pending) is added to what is encoded."""
        items = self._catalogue.get(tenant, list(stored.values()))
        for i, id in stored.items():
            if id not in items:
                raise NotFound(f"There is no item {id}.", f"query.{i}.item")
        points: dict[str, Point] = {}
        for kind in KINDS:
            if ids := [id for id, item in items.items() if item.kind == kind]:
                points |= {point.id: point for point in self._store.get(self._encoder.space.name, kind, ids)}
        for i, id in stored.items():
            point, item = points.get(id), items[id]
            if point is not None and point.vector is not None:
                vectors[i] = point.vector
            elif item.kind == "caption":
                texts[i] = item.text or ""
            else:
                pictures[i] = (f"query.{i}.item", self._originals.get(item.original or ""))


def _sources(query: SearchQuery, words: SparseVector) -> tuple[Source, ...]:
    if query.mode == "lexical":
        if not words.indices:
            raise InvalidRequest("There is no word in the query that could be looked for.", "mode")
        return ("lexical",)
    return ("dense", "lexical") if query.mode == "hybrid" and words.indices else ("dense",)


def words_of(query: SearchQuery) -> SparseVector:
    """The words of all texts that are wanted, by their parts' weights; none in a search by meaning alone."""
    if query.mode == "dense":
        return SparseVector()
    weights: dict[int, float] = {}
    for part in query.parts:
        if isinstance(part, TextPart) and part.weight > 0:
            found = lexical.query(part.text)
            for index, value in zip(found.indices, found.values, strict=True):
                weights[index] = weights.get(index, 0.0) + part.weight * value
    return SparseVector(tuple(weights), tuple(weights.values()))
