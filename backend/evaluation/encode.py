"""Encodes a whole evaluation set: pictures stream from disk, so that it never is in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from encoders.base import Encoder, Vectors
from encoders.images import ImageError, read_picture

TEXTS_AT_ONCE = 64
READERS = 4
Progress = Callable[[int], object]


@dataclass(frozen=True)
class EncodedImages:
    vectors: Vectors
    """`float32[len(rows), d]`"""
    rows: list[int]
    """Which of the paths could be read."""
    problems: list[tuple[Path, str]]
    """Those that could not, and why."""


def encode_image_files(
    encoder: Encoder, paths: Sequence[Path], batch: int, max_pixels: int, progress: Progress
) -> EncodedImages:
    """Reads pictures on several threads while the encoder works. What cannot be read is left out."""
    vectors, rows, problems = [], [], []
    with ThreadPoolExecutor(READERS) as pool:
        for start in range(0, len(paths), batch * READERS):
            window = paths[start : start + batch * READERS]
            pictures: list[Image.Image] = []
            for row, (path, result) in enumerate(
                zip(window, pool.map(lambda p: _read(p, max_pixels), window), strict=True), start=start
            ):
                if isinstance(result, str):
                    problems.append((path, result))
                else:
                    pictures.append(result)
                    rows.append(row)
            vectors += [
                encoder.encode_images(pictures[at : at + batch]) for at in range(0, len(pictures), batch)
            ]
            progress(len(window))
    empty = np.zeros((0, encoder.space.dim), dtype=np.float32)
    return EncodedImages(np.concatenate([empty, *vectors]), rows, problems)


def encode_captions(encoder: Encoder, texts: Sequence[str], progress: Progress) -> Vectors:
    """`float32[len(texts), d]`."""
    vectors = [np.zeros((0, encoder.space.dim), dtype=np.float32)]
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        chunk = texts[start : start + TEXTS_AT_ONCE]
        vectors.append(encoder.encode_texts(chunk))
        progress(len(chunk))
    return np.concatenate(vectors)


def _read(path: Path, max_pixels: int) -> Image.Image | str:
    try:
        return read_picture(path.read_bytes(), max_pixels)
    except ImageError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
