"""A search: a parsed query becomes a plan, and the plan runs on a store, a page at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.search.classify import Classified, classify
from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.ordered_pages import OrderedPages
from backend.catalogue.search.pages import PageHit, Pages, PlainPages
from backend.catalogue.search.parts import PartVectors
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.planner import Planner
from backend.catalogue.search.queries import Found, Hit, ItemPart, ListName, PicturePart, SearchQuery
from backend.catalogue.search.query_vectors import OnBatch, QueryEncoder
from backend.catalogue.search.relevance import Scale
from backend.catalogue.search.search_cursor import Mark, SearchCursor, encode_cursor
from backend.catalogue.search.store_queries import StoreQueries
from backend.errors import InvalidRequest
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import Kind, VectorStore

DECIMALS = 6
"""Of relevances."""


class Searcher:
    def __init__(
        self,
        catalogue: Catalogue,
        store: VectorStore,
        originals: Originals,
        encoder: QueryEncoder,
        settings: Settings,
        cursor_key: bytes | None = None,
        on_batch: OnBatch = lambda *_: None,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._encoder = encoder
        self._cursor_key = cursor_key
        self._parts = PartVectors(catalogue, store, originals, encoder)
        self._planner = Planner(catalogue, self._parts, encoder, settings, cursor_key)
        # Room for all that an encoder's batch lets go at once: whoever was encoded is not refused.
        room = settings.query_queue + max(settings.text_batch, settings.image_batch)
        self.queries = StoreQueries(store, room, on_batch)

    def search(self, query: SearchQuery) -> Found:
        """Raises `InvalidRequest`, `InvalidCursor`, `NotFound` (an item of the query), `QueueFull` and
        `Unavailable`."""
        started = time.perf_counter()
        plan = self._planner.plan(query)
        encoded = time.perf_counter()
        items = KnownItems(self._catalogue, query.filter.tenant)
        pages = self._pages(plan, items)
        hits = {name: _hits(page, items, plan.scales) for name, page in pages.fill().items()}
        searched = time.perf_counter()
        return Found(
            hits=hits,
            next_cursor=self._next_cursor(plan, pages.marks()),
            space=self._encoder.space.name,
            encode_ms=1000 * (encoded - started),
            search_ms=1000 * (searched - encoded),
        )

    def classify(
        self,
        part: ItemPart | PicturePart,
        tenant: str,
        labels: Sequence[str],
        templates: Sequence[str] | None,
        top: int,
    ) -> list[Classified]:
        """The labels that fit a picture best. Raises what `search` does, `InvalidRequest` for a caption."""
        [picture] = self._parts.of([part], tenant)
        if picture.modality != "image" and isinstance(part, ItemPart):
            raise InvalidRequest("This is a caption: only pictures are classified.", part.field)
        calibration = self._planner.relevances(self._encoder.space).calibration()
        return classify(picture.vector, labels, templates, top, self._encoder.texts, calibration)

    def close(self) -> None:
        self.queries.close()

    def _pages(self, plan: Plan, items: KnownItems) -> Pages:
        space = self._encoder.space.name
        if plan.plain:
            return PlainPages(plan, self.queries, space, items)
        return OrderedPages(plan, self.queries, self._store, space, items)

    def _next_cursor(self, plan: Plan, marks: Mapping[ListName, Mark]) -> str | None:
        if all(mark.exhausted for mark in marks.values()):
            return None
        cursor = SearchCursor(plan.fingerprint, plan.as_of, marks, plan.scales, plan.vector)
        return encode_cursor(cursor, self._cursor_key)


def _hits(page: Sequence[PageHit], items: KnownItems, scales: Mapping[Kind, Scale]) -> list[Hit]:
    relevances: dict[str, float] = {}
    for kind, scale in scales.items():
        of_kind = [hit for hit in page if items[hit.id].kind == kind]
        found = scale.relevances(np.array([hit.score for hit in of_kind]))
        relevances |= zip((hit.id for hit in of_kind), found.round(DECIMALS).tolist(), strict=True)
    return [Hit(items[hit.id], hit.score, relevances.get(hit.id)) for hit in page]
