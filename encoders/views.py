"""Several looks at one picture: their mean vector finds a little better, at several times the cost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from encoders.base import Encoder, EncoderError, Space, Vectors

MAX_VIEWS = 7
CROP = 0.8
_CORNERS = ((0.5, 0.5), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))
"""Centre first, then opposite corners: where a crop lies in the space that it leaves free."""


def with_views(encoder: Encoder, views: int) -> Encoder:
    """`encoder` itself for one view. Raises `EncoderError` beyond `MAX_VIEWS`."""
    return encoder if views == 1 else ManyViews(encoder, views)


class ManyViews:
    """Implements `encoders.base.Encoder`: `encoder`, looking at every picture `views` times.

    Pictures that ask are looked at like those that are stored, so that a picture finds itself first. The
    number of views determines vectors, so each has a space of its own.
    """

    def __init__(self, encoder: Encoder, views: int) -> None:
        if not 1 < views <= MAX_VIEWS:
            raise EncoderError(f"{views} views of a picture: choose 1 to {MAX_VIEWS}.")
        self.space = _space_of(encoder.space, views)
        self._encoder = encoder
        self._views = views

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_texts(texts)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """One view of all pictures at a time: the batches stay as large as they were chosen."""
        looks = [views_of(image, self._views) for image in images]
        summed = np.zeros((len(images), self.space.dim), np.float32)
        for same_view in zip(*looks, strict=True):
            summed += self._encoder.encode_images(same_view)
        vectors: Vectors = summed / np.linalg.norm(summed, axis=1, keepdims=True)
        return vectors


def views_of(image: Image.Image, count: int) -> list[Image.Image]:
    """The picture itself, its mirror image, then crops of 80 % of each side; `count` of 1 to `MAX_VIEWS`."""
    views = [image, ImageOps.mirror(image)] if count > 1 else [image]
    return views + [_crop(image, *corner) for corner in _CORNERS[: count - 2] if count > 2]


def _crop(image: Image.Image, across: float, down: float) -> Image.Image:
    width, height = max(1, round(CROP * image.width)), max(1, round(CROP * image.height))
    left, top = round(across * (image.width - width)), round(down * (image.height - height))
    return image.crop((left, top, left + width, top + height))


def _space_of(space: Space, views: int) -> Space:
    """The name keeps its form: what comes before the last dash, then the start of the fingerprint."""
    fingerprint = hashlib.sha256(f"{space.fingerprint}/{views} views of {CROP}".encode()).hexdigest()
    model, _, _ = space.name.rpartition("-")
    return replace(space, name=f"{model}-{fingerprint[:8]}", fingerprint=fingerprint)
