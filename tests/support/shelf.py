"""One catalogue over several stores that hold the same points: what a plan finds must not depend on them."""

from __future__ import annotations

import hashlib
import itertools
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, NewImage
from backend.catalogue.projection import Projection
from backend.catalogue.search.queries import Found, SearchQuery
from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.searcher import Searcher
from backend.originals import Originals
from backend.settings import RangeKind, Settings
from backend.store.base import KINDS, Vector, VectorStore
from tests.support.calibrations import colour_calibration
from tests.support.encoders import ColourEncoder

RANGES: dict[str, RangeKind] = {"price": "number"}
DIRECTIONS = 9


class Shelf:
    """Vectors come from a pool of directions, so that cosines are either equal or far apart."""

    def __init__(self, folder: Path, stores: Mapping[str, VectorStore], **settings: Any) -> None:
        self.encoder = ColourEncoder(dim=8)
        self.catalogue = Catalogue(f"sqlite:///{folder}/catalogue.db")
        self.catalogue.calibrations.put(colour_calibration(self.encoder))
        self.stores = stores
        self.tenant = ""
        options = Settings(**settings)
        self._vectors = QueryEncoder(lambda: self.encoder, options, lambda *_: None)
        self._directions = self._pool()
        self._number = itertools.count()
        originals = Originals(str(folder / "originals"))
        self.searchers = {
            name: Searcher(self.catalogue, store, originals, self._vectors, options)
            for name, store in stores.items()
        }
        for store in stores.values():
            store.ensure_space(self.encoder.space)

    def close(self) -> None:
        for searcher in self.searchers.values():
            searcher.close()
        self._vectors.close()
        self.catalogue.close()

    def clear(self) -> None:
        """A tenant of its own for every test: nothing of the others is in it."""
        self.tenant = str(uuid.uuid4())

    def add(self, kind: str, direction: int, captions: Sequence[str] = (), **fields: Any) -> list[str]:
        """A picture with its captions, or captions without one; all are indexed."""
        image_id = None
        added = []
        if kind == "image":
            digest = hashlib.sha256(f"{self.tenant}{next(self._number)}".encode()).hexdigest()
            new = NewImage(digest, "key", "a.jpg", "image/jpeg", 1, 1, **fields)
            added += [one.item.id for one in self.catalogue.add_images(self.tenant, [new])]
            image_id = added[0]
        unique = [f"{text} x{next(self._number)}" for text in captions]
        texts = [NewCaption(text, image_id, **fields) for text in unique]
        added += [one.item.id for one in self.catalogue.add_captions(self.tenant, texts)]
        self._index(direction)
        return added

    def delete(self, id: str, *, from_stores: bool = True) -> list[str]:
        gone = self.catalogue.delete(self.tenant, id)
        for store, item in itertools.product(self.stores.values() if from_stores else (), gone):
            store.delete(self.encoder.space.name, item.kind, [item.id])
        return [item.id for item in gone]

    def search(self, query: SearchQuery, store: str = "edge") -> Found:
        return self.searchers[store].search(replace(query, filter=replace(query.filter, tenant=self.tenant)))

    def _index(self, direction: int) -> None:
        projection, space = Projection(self.catalogue.captions, RANGES), self.encoder.space.name
        now = datetime.now(UTC)
        while claims := self.catalogue.claims.claim(space, "worker", 100, 60):
            vectors = [self._directions[(direction + n) % DIRECTIONS] for n in range(len(claims))]
            items = [claim.item for claim in claims]
            points = projection.points(list(zip(items, vectors, strict=True)), now)
            for store, kind in itertools.product(self.stores.values(), KINDS):
                mine = [point for point, item in zip(points, items, strict=True) if item.kind == kind]
                store.upsert(space, kind, mine)
            self.catalogue.claims.indexed(space, now, claims)

    def _pool(self) -> list[Vector]:
        random = np.random.default_rng(3)
        near = self.encoder.encode_texts(["red", "green", "blue"])
        rows = [near[n % 3] + random.normal(0, 0.2 + 0.1 * n, 8) for n in range(DIRECTIONS)]
        return [(row / np.linalg.norm(row)).astype(np.float32) for row in rows]
