"""From the parts of a query to its vector: texts and pictures of many requests share a forward pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np
from PIL import Image

from backend.errors import CorruptImage, InvalidRequest, TooLarge, TwinspaceError, UnsupportedImage
from backend.settings import Settings
from backend.store.base import Vector
from encoders import images
from encoders.base import Encoder, Space, Vectors
from encoders.batcher import Batcher
from encoders.openmp import release_threads

Part = TypeVar("Part")
OnBatch = Callable[[str, int, float], None]
"""Told what was run (`text`, `image`, `search`), how many requests ran together, and the seconds it took."""

DECODERS = 4
"""Pictures that are decoded at the same time: a large one takes hundreds of megabytes until it is reduced."""
TOO_SMALL = 1e-4
"""Of the weights' sum: what is left of parts that cancel out is noise, and has no direction."""

_PICTURE_ERRORS: dict[type[images.ImageError], type[TwinspaceError]] = {
    images.UnsupportedImage: UnsupportedImage,
    images.ImageTooLarge: TooLarge,
    images.CorruptImage: CorruptImage,
}


class QueryEncoder:
    """Encodes for requests that wait: one thread for texts and one for pictures, each with a bounded queue.

    Raises `encoders.batcher.QueueFull`, and `EncoderError` when the encoder cannot be loaded.
    """

    def __init__(self, encoder: Callable[[], Encoder], settings: Settings, on_batch: OnBatch) -> None:
        self._encoder = encoder
        self._text_batch = settings.text_batch
        self._image_batch = settings.image_batch
        self._max_pixels = settings.max_image_pixels
        self._decoding = threading.Semaphore(DECODERS)
        self._texts: Batcher[Sequence[str], Vectors] = Batcher(
            self._run_texts,
            settings.text_batch,
            settings.query_queue,
            "encode-texts",
            partial(on_batch, "text"),
        )
        self._images: Batcher[Sequence[Image.Image], Vectors] = Batcher(
            self._run_images,
            settings.image_batch,
            settings.query_queue,
            "encode-images",
            partial(on_batch, "image"),
        )

    @property
    def space(self) -> Space:
        return self._encoder().space

    def texts(self, texts: Sequence[str]) -> Vectors:
        """`float32[len(texts), dim]`, unit length. Many go in turns, so that others get theirs."""
        size = self._text_batch
        turns = [self._texts.submit(texts[i : i + size]) for i in range(0, len(texts), size)]
        return turns[0] if len(turns) == 1 else np.concatenate(turns)

    def pictures(self, files: Iterable[tuple[str, bytes]]) -> Vectors:
        """`float32[number of files, dim]`, unit length. Each file (at least one) comes with the name of
        the field that brought it, which is blamed in `UnsupportedImage`, `TooLarge` or `CorruptImage`."""
        vectors: list[Vectors] = []
        together: list[Image.Image] = []
        for field, data in files:
            together.append(self._decode(field, data))
            if len(together) == self._image_batch:
                vectors.append(self._images.submit(together))
                together = []
        if together:
            vectors.append(self._images.submit(together))
        return np.concatenate(vectors)

    def _decode(self, field: str, data: bytes) -> Image.Image:
        try:
            with self._decoding:
                return images.read_picture(data, self._max_pixels)
        except images.ImageError as error:
            for kind, ours in _PICTURE_ERRORS.items():
                if isinstance(error, kind):
                    raise ours(str(error), field) from None
            raise

    def close(self) -> None:
        self._texts.close()
        self._images.close()

    def waiting(self) -> dict[str, int]:
        return {"text": self._texts.waiting, "image": self._images.waiting}

    def _run_texts(self, requests: Sequence[Sequence[str]]) -> list[Vectors]:
        flat = [text for request in requests for text in request]
        encode = self._encoder().encode_texts
        return _split(_in_slices(encode, flat, self._text_batch), requests)

    def _run_images(self, requests: Sequence[Sequence[Image.Image]]) -> list[Vectors]:
        flat = [image for request in requests for image in request]
        try:
            return _split(_in_slices(self._encoder().encode_images, flat, self._image_batch), requests)
        finally:
            release_threads()  # Most queries are texts, which are to have the cores for themselves.


def _in_slices(encode: Callable[[Sequence[Part]], Vectors], flat: Sequence[Part], size: int) -> Vectors:
    slices = [encode(flat[start : start + size]) for start in range(0, len(flat), size)]
    vectors = slices[0] if len(slices) == 1 else np.concatenate(slices)
    if not np.isfinite(vectors).all():
        raise ValueError("The encoder answered with vectors that are not finite.")
    return vectors


def _split(vectors: Vectors, requests: Sequence[Sequence[object]]) -> list[Vectors]:
    ends = np.cumsum([len(request) for request in requests])[:-1]
    return list(np.split(vectors, ends))


def combine(vectors: Sequence[Vector], weights: Sequence[float]) -> Vector:
    """The normalised weighted sum. Raises `InvalidRequest` when nothing is left of it."""
    scale = max(abs(weight) for weight in weights)
    if scale == 0:
        raise InvalidRequest("At least one part needs a weight other than 0.", "query")
    relative = np.asarray(weights, np.float64) / scale
    total = relative @ np.asarray(vectors, np.float64)
    length = float(np.linalg.norm(total))
    if length < TOO_SMALL * float(np.abs(relative).sum()):
        raise InvalidRequest("The parts cancel each other out: nothing is left to search for.", "query")
    return (total / length).astype(np.float32)
