"""Variety from what is there, so that heads do not learn single pictures and sentences by heart."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageOps

MIN_AREA = 0.6
MAX_STRETCH = 1.25
DROPPED_WORDS = 0.2
SPAN = (2, 6)


def view_of(image: Image.Image, view: int, rng: np.random.Generator) -> Image.Image:
    """0: the picture itself; 1: its mirror image; higher: random crops."""
    if view == 0:
        return image
    return ImageOps.mirror(image) if view == 1 else random_crop(image, rng)


def random_crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """60 to 100 % of the area, moderately stretched, mirrored half of the time; real pixels only."""
    area = rng.uniform(MIN_AREA, 1.0)
    ratio = math.exp(rng.uniform(-math.log(MAX_STRETCH), math.log(MAX_STRETCH)))
    width = max(1, min(image.width, round(image.width * math.sqrt(area * ratio))))
    height = max(1, min(image.height, round(image.height * math.sqrt(area / ratio))))
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    crop = image.crop((left, top, left + width, top + height))
    return ImageOps.mirror(crop) if rng.random() < 0.5 else crop


def without_some_words(text: str, rng: random.Random) -> str:
    words = text.split()
    kept = [word for word in words if rng.random() >= DROPPED_WORDS]
    return " ".join(kept if len(kept) > 1 else words)


def some_words(text: str, rng: random.Random) -> str:
    """Two to six words in a row: what people type into a search box."""
    words = text.rstrip(" .").split()
    length = rng.randint(*SPAN)
    start = rng.randint(0, max(0, len(words) - length))
    return " ".join(words[start : start + length]) or text
