"""Encodes what a calibration is fitted to: pictures, their captions, and the same pictures changed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from backend.errors import InvalidRequest
from backend.evaluation.calibrate import Captions, Pairs
from backend.evaluation.encode import encode_captions, encode_image_files
from encoders.base import Encoder, Vectors
from encoders.images import read_picture
from encoders.script import language_of

MOST = 2000
"""Pictures: more would only take longer."""
CHANGED = 500
"""Pictures that are also encoded changed, each four times."""
BATCH = 8
STRANGERS = Path(__file__).parent / "strangers.json"
Captioned = Sequence[tuple[Path, Sequence[str]]]


def encode_pairs(
    encoder: Encoder, captioned: Captioned, max_pixels: int, progress: Callable[[int], object]
) -> tuple[Pairs, list[tuple[Path, str]]]:
    """Of a large set, an even selection; and the pictures that cannot be read, and why. Raises
    `InvalidRequest` where that is all of them."""
    step = -(-len(captioned) // MOST)
    chosen = captioned[::step]
    images = encode_image_files(encoder, [path for path, _ in chosen], BATCH, max_pixels, progress)
    if not images.rows:
        path, reason = images.problems[0]
        raise InvalidRequest(f"No picture can be read; the first is {path}: {reason}")
    texts: dict[str, list[tuple[str, int]]] = {}
    for row, at in enumerate(images.rows):
        for text in chosen[at][1]:
            texts.setdefault(group_of(text), []).append((text, row))
    captions = {
        group: Captions(
            encode_captions(encoder, [text for text, _ in some], progress),
            np.array([row for _, row in some], np.int64),
        )
        for group, some in texts.items()
    }
    some = np.sort(np.random.default_rng(0).permutation(len(images.rows))[:CHANGED])
    paths = [chosen[images.rows[row]][0] for row in some]
    changed = _encode_changed(encoder, paths, some, max_pixels, progress)
    return Pairs(images.vectors, captions, changed), images.problems


def steps(captioned: Captioned) -> int:
    """How much `progress` of `encode_pairs` will hear of."""
    chosen = captioned[:: -(-len(captioned) // MOST)]
    return len(chosen) + sum(len(texts) for _, texts in chosen) + min(len(chosen), CHANGED)


def group_of(text: str) -> str:
    """The texts of one script are spread alike, whatever the file calls their language."""
    return f"text-{language_of(text)}"


def by_group(encoder: Encoder, texts: Sequence[str]) -> Mapping[str, Vectors]:
    """`float32[n, d]` by group."""
    groups = sorted({group_of(text) for text in texts})
    return {
        group: encode_captions(encoder, [text for text in texts if group_of(text) == group], lambda _: None)
        for group in groups
    }


def known_strangers(encoder: Encoder) -> Mapping[str, Vectors]:
    """Texts about everything that photos do not show, `float32[n, d]` by group."""
    return by_group(encoder, json.loads(STRANGERS.read_text(encoding="utf-8")))


def changes_of(picture: Image.Image, seed: int) -> list[Image.Image]:
    """What people still take for the same picture: mirrored, two crops, and a small bad copy."""
    random = np.random.default_rng(seed)
    small = picture.resize((max(1, picture.width * 2 // 3), max(1, picture.height * 2 // 3)))
    copy = io.BytesIO()
    small.save(copy, "JPEG", quality=30)
    return [
        ImageOps.mirror(picture),
        _crop(picture, 0.8, random),
        _crop(picture, 0.5, random),
        Image.open(copy).convert("RGB"),
    ]


def _crop(picture: Image.Image, area: float, random: np.random.Generator) -> Image.Image:
    width, height = (max(1, round(side * area**0.5)) for side in picture.size)
    left, top = (
        int(random.integers(0, room + 1)) for room in (picture.width - width, picture.height - height)
    )
    return picture.crop((left, top, left + width, top + height))


def _encode_changed(
    encoder: Encoder,
    paths: Sequence[Path],
    rows: NDArray[np.int64],
    max_pixels: int,
    progress: Callable[[int], object],
) -> Captions:
    vectors = [np.zeros((0, encoder.space.dim), np.float32)]
    for seed, path in enumerate(paths):
        changed = changes_of(read_picture(path.read_bytes(), max_pixels), seed)
        vectors.append(encoder.encode_images(changed))
        progress(1)
    return Captions(np.concatenate(vectors), np.repeat(rows, 4))
