"""The one way bytes become pictures: an explicit list of formats, limits before decoding, upright RGB.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image


class ImageError(Exception):
    """Base; the message is fit for the person who uploaded."""


class UnsupportedImage(ImageError): ...


class ImageTooLarge(ImageError): ...


class CorruptImage(ImageError): ...


@dataclass(frozen=True)
class ImageInfo:
    content_type: str
    extension: str
    width: int
    """As seen upright, after EXIF orientation; `height` likewise."""
    height: int


def inspect_image(data: bytes, max_pixels: int) -> ImageInfo:
    """Reads the header only. Raises `UnsupportedImage` (also when empty) or `ImageTooLarge`."""
    raise NotImplementedError


def read_image(data: bytes, max_pixels: int, shortest: int | None = None) -> Image.Image:
    """Decodes the first frame to upright RGB (alpha over white). `shortest`: the decoder may
    reduce the picture while reading, as long as its shorter side stays at least that (JPEG draft).
    Raises what `inspect_image` raises, and `CorruptImage` when decoding fails."""
    raise NotImplementedError
