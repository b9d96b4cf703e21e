"""Small pictures made on the spot."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

Colour = tuple[int, int, int]
Size = tuple[int, int]


def picture(colour: Colour = (255, 0, 0), size: Size = (64, 48), seed: int = 0) -> Image.Image:
    """A flat colour with a little noise, so that pictures of different seeds differ."""
    noise = np.random.default_rng(seed).integers(-8, 9, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(colour: Colour = (255, 0, 0), size: Size = (64, 48), seed: int = 0) -> bytes:
    return encoded(picture(colour, size, seed))
