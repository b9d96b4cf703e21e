"""Zero-shot classification: how often the first label is right, and whether its probability says so.

On photos of 300 ImageNet classes, all with English names and some with Chinese ones: nothing was fitted to
them here, though the default image tower has learned to tell these classes apart. The expected calibration
error is the mean distance between how sure and how right, over ten bins. The default encoder was not taught
the Chinese names: it is too sure of them, by an amount that these 70 photos tell to some 0.05.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.catalogue.search.classify import classify
from backend.evaluation.calibration_pairs import BATCH
from backend.evaluation.encode import encode_image_files
from backend.settings import Settings
from bench.bounds import Bounds
from bench.data import shared
from encoders.base import Encoder, Vectors
from encoders.calibration import Calibration, shipped_calibration
from encoders.loading import load_encoder

CHOICES = (5, 10, 30)
"""How many labels a picture is held against: its own and others drawn by chance."""
BINS = 10


def main() -> None:
    settings = Settings()
    encoder = load_encoder(settings.encoder)
    calibration = shipped_calibration(settings.encoder, encoder.space)
    paths = sorted(shared("imagenet_dev").glob("*.jpg"))
    names = [path.stem.partition("_")[2].replace("_", " ") for path in paths]
    chinese = json.loads((Path(__file__).parent / "chinese_names.json").read_text(encoding="utf-8"))
    images = encode_image_files(encoder, paths, BATCH, settings.max_image_pixels, lambda _: None).vectors
    named = [i for i, name in enumerate(names) if name in chinese]
    bounds = Bounds()
    print(f"{'labels':20}{'right':>8}{'calibration error':>20}{'uncalibrated':>14}")
    sets = (
        ("English", images, names, 0.06),
        ("Chinese", images[named], [chinese[names[i]] for i in named], 0.22),
    )
    for language, pictures, labels, bound in sets:
        for choices in CHOICES:
            sure, right = _ask(encoder, pictures, labels, choices, calibration)
            blind, _ = _ask(encoder, pictures, labels, choices, None)
            error, before = _error(sure, right), _error(blind, right)
            print(f"{f'{language}, {choices}':20}{np.mean(right):8.3f}{error:20.3f}{before:14.3f}")
            bounds.at_most(f"{language}, {choices} labels: calibration error", error, bound)
    bounds.exit()


def _ask(
    encoder: Encoder, pictures: Vectors, labels: list[str], choices: int, calibration: Calibration | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Of each picture, the probability of the first answer and whether it is right."""
    cache: dict[str, Vectors] = {}

    def encode(texts: list[str]) -> Vectors:
        new = sorted(set(texts) - cache.keys())
        if new:
            cache.update(zip(new, encoder.encode_texts(new), strict=True))
        return np.stack([cache[text] for text in texts])

    random = np.random.default_rng(0)
    sure, right = [], []
    for own, picture in enumerate(pictures):
        others = random.choice(np.delete(np.arange(len(labels)), own), choices - 1, replace=False)
        offered = [labels[i] for i in sorted([own, *others])]
        first = classify(picture, offered, None, 1, encode, calibration)[0]
        sure.append(first.probability)
        right.append(first.label == labels[own])
    return np.array(sure), np.array(right)


def _error(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    errors = [
        np.mean(bins == b) * abs(np.mean(sure[bins == b]) - np.mean(right[bins == b])) for b in set(bins)
    ]
    return float(np.sum(errors))


if __name__ == "__main__":
    main()
