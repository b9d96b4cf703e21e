"""The one way bytes become pictures: an explicit list of formats, limits before decoding, upright RGB.

Everything here is fed by strangers. Formats are told by their bytes, sizes are checked before a decoder
allocates, and whatever a decoder raises leaves as an `ImageError`. Colour profiles are ignored: they are
a large parser for a difference that encoders do not see.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from encoders.image_headers import (
    BadHeader,
    Header,
    exif_orientation,
    gif_header,
    jpeg_without_metadata,
    png_header,
    tiff_header,
    webp_header,
)

SHORTEST = 512
"""Pixels of the shorter side: more than any encoder here looks at, and as small as a picture may be read."""

IN_WORK = 100_000_000
"""Pixels that are decoded at the same time: each takes up to ten bytes until the picture is reduced."""

# Pillow warns of damaged metadata, which does not concern whoever looks at a picture, and of sizes, which
# are checked here. `warnings.catch_warnings` around each read would not be safe under threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class ImageError(Exception):
    """Base; the message is fit for the person who uploaded."""


class UnsupportedImage(ImageError): ...


class ImageTooLarge(ImageError): ...


class CorruptImage(ImageError): ...


@dataclass(frozen=True)
class ImageInfo:
    content_type: str
    extension: str
    """Without the dot: `jpg`."""
    width: int
    """As seen upright, after EXIF orientation; `height` likewise."""
    height: int


@dataclass(frozen=True)
class _Format:
    name: str
    content_type: str
    extension: str
    plugin: type[ImageFile.ImageFile]
    header: Callable[[bytes], Header] | None = None
    """Where it is missing, Pillow's own look at the header neither allocates nor decodes."""


_JPEG = _Format("JPEG", "image/jpeg", "jpg", JpegImagePlugin.JpegImageFile)
_PNG = _Format("PNG", "image/png", "png", PngImagePlugin.PngImageFile, png_header)
_GIF = _Format("GIF", "image/gif", "gif", GifImagePlugin.GifImageFile, gif_header)
_BMP = _Format("BMP", "image/bmp", "bmp", BmpImagePlugin.BmpImageFile)
_TIFF = _Format("TIFF", "image/tiff", "tif", TiffImagePlugin.TiffImageFile, tiff_header)
_WEBP = _Format("WebP", "image/webp", "webp", WebPImagePlugin.WebPImageFile, webp_header)
_AVIF = _Format("AVIF", "image/avif", "avif", AvifImagePlugin.AvifImageFile)

_SIGNATURES = {
    b"\xff\xd8\xff": _JPEG,
    b"\x89PNG\r\n\x1a\n": _PNG,
    b"GIF87a": _GIF,
    b"GIF89a": _GIF,
    b"BM": _BMP,
    b"II*\0": _TIFF,
    b"MM\0*": _TIFF,
    b"II+\0": _TIFF,
    b"MM\0+": _TIFF,
}

_DEEP_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_COLOURS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Budget:
    """Pixels that all threads together may have in work; whoever wants more than are left waits in turn."""

    def __init__(self, pixels: int) -> None:
        self._all = self._left = pixels
        self._turn = threading.Lock()
        self._returned = threading.Condition()

    @contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """One that is larger than all of them has them for itself."""
        pixels = min(pixels, self._all)
        with self._turn, self._returned:
            self._returned.wait_for(lambda: self._left >= pixels)
            self._left -= pixels
        try:
            yield
        finally:
            with self._returned:
                self._left += pixels
                self._returned.notify()


_IN_WORK = _Budget(IN_WORK)


def inspect_image(data: bytes, max_pixels: int) -> ImageInfo:
    """Reads the header only. Raises `UnsupportedImage` (also when empty) or `ImageTooLarge`."""
    return _open(data, max_pixels)[1]


def read_image(data: bytes, max_pixels: int, shortest: int | None = None) -> Image.Image:
    """Decodes the first frame to upright RGB (alpha over white). `shortest`: the decoder may
    reduce the picture while reading, as long as its shorter side stays at least that (JPEG draft).
    Raises what `inspect_image` raises, and `CorruptImage` when decoding fails."""
    return _decode(data, max_pixels, shortest, lambda picture: picture)


def _decode(
    data: bytes, max_pixels: int, shortest: int | None, finish: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    image, _, orientation = _open(data, max_pixels)
    try:
        if shortest is not None:
            image.draft(None, (shortest, shortest))
        with _IN_WORK.take(image.width * image.height):
            image.load()
            picture = _to_rgb(image)
            return finish(picture.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else picture)
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageTooLarge("The picture needs more memory than can be had.") from error
    except Exception as error:  # Decoders raise OSError, SyntaxError, struct.error, ValueError, EOFError...
        raise CorruptImage(f"The picture is damaged and cannot be decoded ({_reason(error)}).") from error


def read_picture(data: bytes, max_pixels: int) -> Image.Image:
    """What encoders are given, alike for ingest, queries and evaluation, so that a picture finds itself:
    `read_image`, reduced by whole factors while the shorter side keeps 512 pixels. JPEG's decoder does some
    of that by itself, the others none, and a batch of large pictures must fit into memory."""
    return _decode(data, max_pixels, SHORTEST, _reduce)


def _reduce(picture: Image.Image) -> Image.Image:
    factor = min(picture.size) // SHORTEST
    return picture.reduce(factor) if factor > 1 else picture


def crop_to_aspect(image: Image.Image, limit: float = 8.0) -> Image.Image:
    """The middle of a picture that is more than `limit` times as long as wide; others come back as they
    are. Scaling the shorter side of a 1 x 60,000 picture up to 224 pixels would take 9 GB."""
    width, height = image.size
    longest = max(1, int(min(width, height) * limit))
    if max(width, height) <= longest:
        return image
    left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
    return image.crop((left, top, left + min(width, longest), top + min(height, longest)))


def _sniff(data: bytes) -> _Format:
    for signature, format in _SIGNATURES.items():
        if data.startswith(signature):
            return format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _WEBP
    brands = data[8 : min(int.from_bytes(data[:4], "big"), 128)] if data[4:8] == b"ftyp" else b""
    if (b"avif" in brands or b"avis" in brands) and AvifImagePlugin.SUPPORTED:
        return _AVIF
    raise UnsupportedImage(_what_else(data, brands))


def _what_else(data: bytes, brands: bytes) -> str:
    accepted = "JPEG, PNG, WebP, GIF, BMP, TIFF and AVIF pictures are accepted"
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not data:
        return f"The file is empty; {accepted}."
    if brands[:4] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return f"HEIC pictures cannot be read; {accepted}."
    if start.startswith(b"%pdf"):
        return f"The file is a PDF document; {accepted}."
    if start.startswith((b"<?xml", b"<svg", b"<!doctype", b"<html")):
        return f"The file is markup (SVG, HTML or XML) and no bitmap; {accepted}."
    return f"The file is no picture of a known format; {accepted}."


def _open(data: bytes, max_pixels: int) -> tuple[ImageFile.ImageFile, ImageInfo, int]:
    """An image that has read its header only, what is known of it, and how to turn it upright."""
    format = _sniff(data)
    try:
        header, picture = _header(format, data)
        if header is not None:
            _check_size(header.width, header.height, max_pixels)
        image = format.plugin(io.BytesIO(picture))  # Not Image.open: it warns by a limit of its own.
    except ImageError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageTooLarge("The picture needs more memory than can be had.") from error
    except Exception as error:
        raise _unreadable(format, _reason(error)) from error
    _check_size(*image.size, max_pixels)
    if image.mode not in _DEEP_GREY + _COLOURS:
        raise _unreadable(format, f"colours are kept as {image.mode}")
    orientation = header.orientation if format is _JPEG and header else _orientation(image)
    width, height = image.size if orientation < 5 else image.size[::-1]
    return image, ImageInfo(format.content_type, format.extension, width, height), orientation


def _header(format: _Format, data: bytes) -> tuple[Header | None, bytes]:
    """The header as read without Pillow, and the bytes that Pillow is to decode."""
    if format is _JPEG:
        return jpeg_without_metadata(data)
    return (format.header(data) if format.header else None), data


def _orientation(image: ImageFile.ImageFile) -> int:
    """Pillow turns TIFF upright by itself, and puts AVIF's own rotation into its EXIF block."""
    exif = image.info.get("exif", b"") if image.format != "TIFF" else b""
    return exif_orientation(exif) if isinstance(exif, bytes) else 1


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The picture has {width} x {height} pixels; at most {max_pixels:,} are accepted."
        )


def _unreadable(format: _Format, reason: str) -> UnsupportedImage:
    return UnsupportedImage(f"The file looks like {format.name} but cannot be read ({reason}).")


def _reason(error: Exception) -> str:
    if isinstance(error, BadHeader | OSError | SyntaxError) and str(error):
        return str(error)
    return "damaged data"


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_GREY:
        return _to_eight_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return rgba.convert("RGB")
    picture = Image.new("RGB", rgba.size, "white")
    picture.paste(rgba, mask=alpha)
    return picture


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16 bits keep their upper half, as viewers show them; for 32-bit integers and floats no range is
    agreed upon, so darkest to brightest becomes black to white."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    values = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if high == low:
        return Image.new("L", image.size, 0)
    return Image.fromarray(((values - low) * (255 / (high - low))).astype(np.uint8))
