"""Reads and prepares pictures and makes their thumbnails, in threads of their own, ahead of the encoder."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from PIL import Image

from backend.catalogue.items import Item
from backend.errors import NotFound
from backend.originals import Originals
from backend.thumbnails import thumbnail
from encoders.images import read_picture
from workers.priority import step_back

# Decoding releases the GIL. Four threads take cores from under the encoder's, which wait for each other after
# each layer: a picture of 12 megapixels took 25 instead of 22 ms.
THREADS = min(2, os.cpu_count() or 1)
BEHIND_ENCODER = 9


class Reader:
    def __init__(
        self,
        originals: Originals,
        max_pixels: int,
        prepare: Callable[[Image.Image], Image.Image] = lambda picture: picture,
    ) -> None:
        """`prepare`: what an encoder that is `Preparing` does first."""
        self._originals = originals
        self._prepare = prepare
        self._max_pixels = max_pixels
        self._threads = ThreadPoolExecutor(THREADS, "read", step_back, (BEHIND_ENCODER,))

    def submit(self, item: Item) -> Future[Image.Image]:
        """The picture, once its thumbnail is stored. Its result raises `NotFound` when the bytes are
        gone, `ImageError` when they cannot be decoded, `Unavailable` or `StorageFull`."""
        return self._threads.submit(self._read, item)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _read(self, item: Item) -> Image.Image:
        if item.original is None:
            raise NotFound("The item has no original.")
        picture = read_picture(self._originals.get(item.original), self._max_pixels)
        # What only moves to another space has its thumbnail, and the API makes those anew that are lost.
        if item.status == "pending":
            self._originals.put_thumbnail(item.id, thumbnail(picture))
        return self._prepare(picture)
