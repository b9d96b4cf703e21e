"""A real but tiny encoder for tests of everything but models: colours of pictures, colour words of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from encoders.base import Space, Vectors

WORDS = {"red": 0, "green": 1, "blue": 2, "红": 0, "绿": 1, "蓝": 2}


def _normalise(rows: list[np.ndarray]) -> Vectors:
    vectors = np.asarray(rows, dtype=np.float32).reshape(len(rows), -1) + 1e-3
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ColourEncoder:
    """The first three dimensions are red, green and blue; the rest tell items of one colour apart."""

    def __init__(self, version: str = "1", dim: int = 16) -> None:
        fingerprint = hashlib.sha256(f"colour-{version}-{dim}".encode()).hexdigest()
        self.space = Space(f"colour-{fingerprint[:8]}", dim, fingerprint, ("en", "zh"), "Apache-2.0")

    def _details(self, data: bytes) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(data).digest()[:8], "big")
        return np.random.default_rng(seed).uniform(0, 0.2, self.space.dim - 3)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        rows = []
        for text in texts:
            colour = np.zeros(3)
            for word, index in WORDS.items():
                colour[index] += text.lower().count(word)
            rows.append(np.concatenate([colour, self._details(text.encode("utf-8"))]))
        return _normalise(rows)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        rows = []
        for image in images:
            pixel = image.convert("RGB").resize((1, 1), Image.Resampling.BOX)
            colour = np.asarray(pixel, dtype=float).ravel() / 255
            rows.append(np.concatenate([colour, self._details(image.resize((4, 4)).tobytes())]))
        return _normalise(rows)
