"""A catalogue and a store with vectors that are known already: what search makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from backend.adapters import open_adapters
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Added, NewCaption, NewImage
from backend.catalogue.projection import Projection
from backend.catalogue.search.queries import Found, Part, SearchQuery
from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.searcher import Searcher
from backend.settings import DEFAULT_TENANT, Settings
from backend.store.base import KINDS, Filter, Vector
from encoders.base import Encoder, Space, Vectors
from encoders.calibration import Calibration

BATCH = 1000
New = TypeVar("New", NewImage, NewCaption)


class Remembered:
    """An encoder of texts that were encoded before."""

    def __init__(self, space: Space, vectors: Mapping[str, Vector]) -> None:
        self.space = space
        self.vectors = dict(vectors)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self.vectors[text] for text in texts])

    def encode_images(self, images: Sequence[Any]) -> Vectors:
        raise NotImplementedError("pictures come with their vectors")


class Library:
    """Made in an empty folder, and thrown away with it."""

    def __init__(self, folder: Path, encoder: Encoder, **settings: Any) -> None:
        self.settings = Settings(data=folder, **settings)
        self._adapters = open_adapters(self.settings)
        self._space = encoder.space
        self._adapters.store.ensure_space(encoder.space)
        self._encoder = QueryEncoder(lambda: encoder, self.settings, lambda *_: None)
        self._vectors: dict[str, Vector] = {}
        self._searchers: list[Searcher] = []
        self.catalogue = self._adapters.catalogue
        self.searcher = self.open_searcher(self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for searcher in self._searchers:
            searcher.close()
        self._encoder.close()
        self._adapters.close()

    def open_searcher(self, settings: Settings, catalogue: Catalogue | None = None) -> Searcher:
        """Another one over the same items."""
        adapters, catalogue = self._adapters, catalogue or self.catalogue
        searcher = Searcher(catalogue, adapters.store, adapters.originals, self._encoder, settings)
        self._searchers.append(searcher)
        return searcher

    def add_pictures(self, vectors: Vectors) -> list[str]:
        """Their ids, in order. They are found after `index`, as captions are."""
        names = [f"{number:064x}" for number in range(len(vectors))]
        new = [NewImage(name, name, f"{name}.jpg", "image/jpeg", 1, 1) for name in names]
        return self._add(new, self.catalogue.add_images, vectors)

    def add_captions(self, captions: Sequence[tuple[str | None, str]], vectors: Vectors) -> list[str]:
        """Each with the picture that it is attached to. Their ids, in order."""
        new = [NewCaption(text, image_id) for image_id, text in captions]
        return self._add(new, self.catalogue.add_captions, vectors)

    def index(self) -> None:
        adapters, name = self._adapters, self._space.name
        projection = Projection(adapters.catalogue.captions, {})
        now = datetime.now(UTC)
        while claimed := adapters.catalogue.claims.claim(name, "bench", BATCH, 600):
            items = [claim.item for claim in claimed]
            points = projection.points([(item, self._vectors[item.id]) for item in items], now)
            for kind in KINDS:
                mine = [point for point, item in zip(points, items, strict=True) if item.kind == kind]
                adapters.store.upsert(name, kind, mine)
            adapters.catalogue.claims.indexed(name, now, claimed)

    def calibrate(self, calibration: Calibration) -> None:
        self.catalogue.calibrations.put(calibration)

    def search(self, *parts: Part, **options: Any) -> Found:
        return self.searcher.search(SearchQuery(parts, Filter(DEFAULT_TENANT), **options))

    def _add(
        self, new: Sequence[New], add: Callable[[str, Sequence[New]], list[Added]], vectors: Vectors
    ) -> list[str]:
        ids: list[str] = []
        for start in range(0, len(new), BATCH):
            ids += [one.item.id for one in add(DEFAULT_TENANT, new[start : start + BATCH])]
        self._vectors |= zip(ids, vectors, strict=True)
        return ids
