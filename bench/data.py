"""What benchmarks work on: the shared photos and captions, and data folders filled with points."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from backend.adapters import open_adapters
from backend.catalogue.items import NewCaption, NewImage
from backend.catalogue.projection import Projection, version
from backend.cli.captions import read_captions
from backend.settings import DEFAULT_TENANT, Settings
from encoders.base import Space
from encoders.training.dataset import Example

SHARED = Path(__file__).parents[2] / "shared" / "data"
BATCH = 1000


def shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.exists():
        sys.exit(f"This benchmark needs {name} in ../shared/data, which is not there.")
    return folder


def val_captions(language: str = "en") -> list[str]:
    return captions("val", language)


def captions(split: str, language: str = "en") -> list[str]:
    entries = json.loads((shared("flickr8k") / "captions.json").read_text())
    return [text for entry in entries if entry["split"] == split for text in entry[language]]


def captioned_pictures() -> list[Example]:
    """All of them in both languages, for trainings."""
    folder = shared("flickr8k")
    entries = read_captions(folder / "captions.json")
    return [Example(folder / "images" / e.image, e.all_captions(), e.split) for e in entries]


def fill(folder: Path, space: Space, points: int) -> None:
    """A data folder as a server leaves it, with half as many pictures and half as many captions, whose
    vectors are random. Their originals are not there, and nobody asks for them."""
    adapters = open_adapters(Settings(data=folder))
    try:
        adapters.store.ensure_space(space)
        random = np.random.default_rng(0)
        claims = adapters.catalogue.claims
        projection = Projection(adapters.catalogue.captions, {})
        adapters.catalogue.point_version.require(version({}))
        for start in range(0, points // 2, BATCH):
            numbers = range(start, min(start + BATCH, points // 2))
            adapters.catalogue.add_images(DEFAULT_TENANT, [_image(n) for n in numbers])
            adapters.catalogue.add_captions(DEFAULT_TENANT, [NewCaption(f"caption {n}") for n in numbers])
        now = datetime.now(UTC)
        while claimed := claims.claim(space.name, "bench", BATCH, 600):
            for kind in ("image", "caption"):
                encoded = [
                    (claim.item, _vector(space, random)) for claim in claimed if claim.item.kind == kind
                ]
                adapters.store.upsert(space.name, kind, projection.points(encoded, now))
            claims.indexed(space.name, now, claimed)
    finally:
        adapters.close()


def _image(number: int) -> NewImage:
    name = f"{number:064x}"
    return NewImage(name, f"originals/{name}.jpg", f"{number}.jpg", "image/jpeg", 640, 480)


def _vector(space: Space, random: np.random.Generator) -> np.ndarray:
    vector = random.normal(size=space.dim).astype(np.float32)
    return vector / np.linalg.norm(vector)
