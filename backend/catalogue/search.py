"""A search: parsed parts become a plan, and a plan runs on a store.

The plan is one vector and, per modality, how far its list has been given out; scores of the two lists
are never mixed (their cosines have scales of their own).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from backend.catalogue.query_vectors import QueryEncoder, combine
from backend.catalogue.ranking import Ranking
from backend.catalogue.search_cursor import (
    FINGERPRINT_BYTES,
    START,
    Place,
    SearchCursor,
    decode_cursor,
    encode_cursor,
    half,
)
from backend.catalogue.store_queries import StoreQueries
from backend.errors import NotFound
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import KINDS, Filter, Kind, Point, Vector, VectorStore


@dataclass(frozen=True)
class TextPart:
    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class ItemPart:
    """A stored item; it is left out of the answer."""

    id: str
    weight: float = 1.0


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
    cursor: str | None = None


@dataclass(frozen=True)
class Hit:
    item: Item
    score: float
    """Cosine between the query and the item."""


@dataclass(frozen=True)
class Found:
    hits: dict[Kind, list[Hit]]
    next_cursor: str | None
    space: str
    encode_ms: float
    search_ms: float


@dataclass(frozen=True)
class _Plan:
    vector: Vector
    filter: Filter
    as_of: datetime
    fingerprint: bytes
    places: dict[Kind, Place] = field(default_factory=dict)


class Searcher:
    def __init__(
        self,
        catalogue: Catalogue,
        store: VectorStore,
        originals: Originals,
        encoder: QueryEncoder,
        settings: Settings,
        cursor_key: bytes | None = None,
        on_batch: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self._catalogue = catalogue
        self._originals = originals
        self._store = store
        self._encoder = encoder
        self._cursor_key = cursor_key
        # Room for all that an encoder's batch lets go at once: whoever was encoded is not refused.
        room = settings.query_queue + max(settings.text_batch, settings.image_batch)
        self.queries = StoreQueries(store, room, on_batch)

    def search(self, query: SearchQuery) -> Found:
        """Raises `InvalidRequest`, `InvalidCursor`, `NotFound` (an item of the query), `QueueFull` and
        `Unavailable`."""
        started = time.perf_counter()
        plan = self._plan(query)
        encoded = time.perf_counter()
        rankings = {kind: Ranking(kind, plan.places.get(kind, START), query.limit) for kind in query.kinds}
        items = self._fill(list(rankings.values()), plan, query.min_score)
        found = {
            kind: [Hit(items[point.id], point.score) for point in ranking.page()]
            for kind, ranking in rankings.items()
        }
        searched = time.perf_counter()
        return Found(
            hits=found,
            next_cursor=self._next_cursor(plan, rankings),
            space=self._encoder.space.name,
            encode_ms=1000 * (encoded - started),
            search_ms=1000 * (searched - encoded),
        )

    def close(self) -> None:
        self.queries.close()

    # -- planning --------------------------------------------------------------------------
    def _plan(self, query: SearchQuery) -> _Plan:
        space = self._encoder.space
        fingerprint = _fingerprint(query, space.name)
        used = tuple(part.id for part in query.parts if isinstance(part, ItemPart))
        filter = replace(query.filter, not_ids=query.filter.not_ids + used) if used else query.filter
        if query.cursor is not None:
            cursor = decode_cursor(query.cursor, fingerprint, space.dim, self._cursor_key)
            filter = replace(filter, indexed_before=cursor.as_of)
            return _Plan(cursor.vector, filter, cursor.as_of, fingerprint, cursor.places)
        weights = [part.weight for part in query.parts]
        vector = combine(self._vectors(query.parts, query.filter.tenant), weights)
        return _Plan(half(vector), filter, datetime.now(UTC), fingerprint)

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

    # -- running ---------------------------------------------------------------------------
    def _fill(self, rankings: list[Ranking], plan: _Plan, min_score: float | None) -> dict[str, Item]:
        """Runs the plan until every list has its page, and returns the items of all pages. What the
        catalogue no longer knows is skipped, and a page that this left short is filled from below."""
        items: dict[str, Item] = {}
        gone: set[str] = set()
        self._ask_store(rankings, plan, min_score)
        while unknown := [p.id for ranking in rankings for p in ranking.page() if p.id not in items]:
            found = self._catalogue.get(plan.filter.tenant, unknown)
            items |= found
            if vanished := set(unknown) - found.keys():
                gone |= vanished
                for ranking in rankings:
                    ranking.gone = gone
                self._ask_store(rankings, plan, min_score)
        return items

    def _ask_store(self, rankings: list[Ranking], plan: _Plan, min_score: float | None) -> None:
        while short := [ranking for ranking in rankings if ranking.needs_more()]:
            queries = [(r.kind, r.query(plan.vector, plan.filter, min_score)) for r in short]
            for ranking, points in zip(
                short, self.queries.run(self._encoder.space.name, queries), strict=True
            ):
                ranking.take(points)

    def _next_cursor(self, plan: _Plan, rankings: dict[Kind, Ranking]) -> str | None:
        places = {kind: ranking.next_place() for kind, ranking in rankings.items()}
        if all(place.exhausted for place in places.values()):
            return None
        cursor = SearchCursor(plan.fingerprint, plan.as_of, places, plan.vector)
        return encode_cursor(cursor, self._cursor_key)


def _fingerprint(query: SearchQuery, space: str) -> bytes:
    parts = [
        ("text", part.text, part.weight)
        if isinstance(part, TextPart)
        else ("item", part.id, part.weight)
        if isinstance(part, ItemPart)
        else ("picture", hashlib.sha256(part.data).hexdigest(), part.weight)
        for part in query.parts
    ]
    document = [space, parts, asdict(query.filter), sorted(query.kinds), query.min_score]
    canonical = json.dumps(document, default=str, sort_keys=True)
    return hashlib.sha256(canonical.encode()).digest()[:FINGERPRINT_BYTES]
