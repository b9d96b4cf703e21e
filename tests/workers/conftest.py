"""Everything that ingest works with, small but real, and a switch to turn each part off."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from qdrant_client import QdrantClient

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.database import utc_now
from backend.catalogue.items import Item, NewCaption, NewImage, image_id
from backend.errors import Unavailable
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import KINDS
from backend.store.server import ServerStore
from encoders.base import Vectors
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg
from workers.janitor import Janitor
from workers.metrics import IngestMetrics
from workers.pipeline import Pipeline

TENANT = "anna"


class Switch:
    """Stands before a part; while `down`, every call raises what an outage raises."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self.down: Exception | None = None
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if self.down is not None:
                raise self.down
            return value(*args, **kwargs)

        return call


class FussyEncoder(ColourEncoder):
    """Chokes on whole batches because of texts with `bad` in them and of pictures in pure green."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.batches: list[int] = []
        self.during: Any = None

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self._look(texts, [text for text in texts if "bad" in text])
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        green = [image for image in images if image.resize((1, 1)).getpixel((0, 0))[1] > 200]
        self._look(images, green)
        return super().encode_images(images)

    def _look(self, inputs: Sequence[object], bad: Sequence[object]) -> None:
        self.batches.append(len(inputs))
        if self.during is not None:
            during, self.during = self.during, None
            during()
        if self.broken or bad:
            raise RuntimeError("tensor sizes do not match")


class World:
    def __init__(self, folder: Path, database: str | None = None, **values: Any) -> None:
        self.folder = folder
        self.settings = Settings(data=folder, **{"image_batch": 8, **values})
        self.ahead = timedelta()
        """How far the catalogue's clock is ahead: leases and pauses end without waiting."""
        url = database or f"sqlite:///{folder / 'catalogue.db'}"
        self.catalogue = Catalogue(url, lambda: utc_now() + self.ahead)
        self.originals = Switch(Originals(str(folder)))
        self.store = Switch(ServerStore(QdrantClient(":memory:")))
        self.encoder = FussyEncoder()
        self.stopping = threading.Event()
        self.pipeline = self.new_pipeline()
        self.janitor = Janitor(self.catalogue, self.originals, self.store)

    @property
    def space(self) -> str:
        return self.encoder.space.name

    def new_pipeline(
        self, encoder: ColourEncoder | None = None, metrics: IngestMetrics | None = None
    ) -> Pipeline:
        parts: Any = (self.catalogue, self.originals, self.store)
        return Pipeline(*parts, encoder or self.encoder, self.settings, self.stopping, metrics)

    def upload(self, data: bytes, **values: Any) -> Item:
        digest = hashlib.sha256(data).hexdigest()
        key = self.originals.put(image_id(TENANT, digest), data, "jpg")
        new = NewImage(digest, key, "x.jpg", "image/jpeg", 64, 48, **values)
        return self.catalogue.add_images(TENANT, [new])[0].item

    def upload_pictures(self, number: int) -> list[Item]:
        return [self.upload(jpeg((200, 30, 30), seed=seed)) for seed in range(number)]

    def caption(self, text: str, image_id: str | None = None) -> Item:
        return self.catalogue.add_captions(TENANT, [NewCaption(text, image_id)])[0].item

    def item(self, item: Item) -> Item:
        return self.catalogue.get(TENANT, [item.id])[item.id]

    def status(self, *items: Item) -> list[str]:
        return [self.item(item).error_code or self.item(item).status for item in items]

    def points(self, space: str | None = None) -> set[str]:
        return {id for kind in KINDS for id in self.store.scroll(space or self.space, kind, 1000)[0]}

    def later(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)

    def close(self) -> None:
        self.pipeline.close()
        self.store._part.close()
        self.catalogue.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = World(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def outage() -> Exception:
    return Unavailable("The service is away.")
