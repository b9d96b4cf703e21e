"""Every kind of picture comes out upright and RGB; everything else is refused in words for its owner."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from encoders import images
from encoders.images import (
    CorruptImage,
    ImageError,
    ImageTooLarge,
    UnsupportedImage,
    crop_to_aspect,
    inspect_image,
    read_image,
    read_picture,
)
from tests.support.pictures import encoded, jpeg, picture

MAX = 1_000_000
FORMATS = {
    "JPEG": ("image/jpeg", "jpg"),
    "PNG": ("image/png", "png"),
    "WEBP": ("image/webp", "webp"),
    "GIF": ("image/gif", "gif"),
    "BMP": ("image/bmp", "bmp"),
    "TIFF": ("image/tiff", "tif"),
    "AVIF": ("image/avif", "avif"),
}


def colour_at(image: Image.Image, x: float = 0.5, y: float = 0.5) -> tuple[int, int, int]:
    """The colour at a relative position, with the noise of lossy coding rounded off."""
    red, green, blue = image.getpixel((int(x * image.width), int(y * image.height)))
    return round(red / 51) * 51, round(green / 51) * 51, round(blue / 51) * 51


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_told_by_its_bytes_and_read(format: str) -> None:
    data = encoded(picture((204, 51, 0)), format)
    info = inspect_image(data, MAX)
    assert (info.content_type, info.extension) == FORMATS[format]
    assert (info.width, info.height) == (64, 48)
    image = read_image(data, MAX)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert np.allclose(np.asarray(image).mean((0, 1)), (204, 51, 0), atol=20)


@pytest.mark.parametrize(("pixels", "most"), [(10_000, 1), (20_000, 2), (5_000, 1)])
def test_what_all_threads_decode_at_once_is_bounded(
    monkeypatch: pytest.MonkeyPatch, pixels: int, most: int
) -> None:
    monkeypatch.setattr(images, "_IN_WORK", images._Budget(pixels))
    convert, lock = images._to_rgb, threading.Lock()
    at_once, seen = 0, []

    def counting(image: Image.Image) -> Image.Image:
        nonlocal at_once
        with lock:
            at_once += 1
            seen.append(at_once)
        time.sleep(0.005)
        with lock:
            at_once -= 1
        return convert(image)

    monkeypatch.setattr(images, "_to_rgb", counting)
    data = [
        encoded(picture(size=(100, 100)), "PNG"),
        b"\x89PNG\r\n\x1a\n" + b"broken",
        jpeg(size=(100, 100))[:900],
    ]

    def read(number: int) -> bool:
        try:
            return read_picture(data[number % 3], MAX).size == (100, 100)
        except ImageError:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(read, range(48))) == 16
    assert max(seen) == most


@pytest.mark.parametrize("format", FORMATS)
def test_one_pixel_is_a_picture(format: str) -> None:
    data = encoded(Image.new("RGB", (1, 1), (255, 255, 255)), format)
    assert read_image(data, MAX).size == (1, 1)


@pytest.mark.parametrize("format", FORMATS)
def test_limit_is_on_pixels_and_exact(format: str) -> None:
    data = encoded(picture(), format)
    assert read_image(data, 64 * 48).size == (64, 48)
    for refuse in (inspect_image, read_image):
        with pytest.raises(ImageTooLarge, match="64 x 48 pixels; at most 3,071"):
            refuse(data, 64 * 48 - 1)


@pytest.mark.parametrize("format", FORMATS)
def test_truncated_pictures_are_refused(format: str) -> None:
    data = encoded(picture(size=(400, 300)), format)
    with pytest.raises((CorruptImage, UnsupportedImage)):
        read_image(data[: len(data) // 2], MAX)


def test_truncated_jpeg_passes_inspection_and_fails_decoding() -> None:
    data = jpeg(size=(400, 300))
    half = data[: len(data) // 2]
    assert inspect_image(half, MAX).width == 400
    with pytest.raises(CorruptImage, match="damaged"):
        read_image(half, MAX)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"just a line of text", "no picture"),
        (b"BMW is a maker of cars, and this is no bitmap at all", "BMP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "markup"),
        (b"\xef\xbb\xbf  <?xml version='1.0'?><svg/>", "markup"),
        (b"<!DOCTYPE html><html></html>", "markup"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\xd8\xff", "JPEG"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"GIF89a", "GIF"),
        (b"II*\0", "TIFF"),
        (b"II*\0\xff\xff\xff\xff", "TIFF"),
        (b"MM\0+\0\x08\0\0", "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"\0\0\0\x14ftypavif\0\0\0\0avif", "AVIF"),
    ],
)
def test_what_is_no_picture_is_unsupported(data: bytes, says: str) -> None:
    for refuse in (inspect_image, read_image):
        with pytest.raises(UnsupportedImage, match=says):
            refuse(data, MAX)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_first_frame_of_several_is_read(format: str) -> None:
    frames = [picture(colour, seed=1) for colour in ((204, 0, 0), (0, 204, 0), (0, 0, 204))]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    assert colour_at(read_image(data, MAX)) == (204, 0, 0)


def exif_with(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


UPRIGHT = Image.new("RGB", (60, 40), "white")
UPRIGHT.paste((255, 0, 0), (0, 0, 20, 20))
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {}),
        ("PNG", {}),
        ("WEBP", {}),
        ("AVIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
@pytest.mark.parametrize("orientation", TURNS)
def test_exif_rotation_is_undone(format: str, orientation: int, options: dict[str, str]) -> None:
    """However the camera was held, the red corner is at the upper left."""
    turn = TURNS[orientation]
    stored = UPRIGHT if turn is None else UPRIGHT.transpose(turn)
    data = encoded(stored, format, exif=exif_with(orientation), **options)
    info = inspect_image(data, MAX)
    image = read_image(data, MAX)
    assert (info.width, info.height) == image.size == (60, 40)
    assert [colour_at(image, x, y) for x, y in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9))] == [
        (255, 0, 0),
        (255, 255, 255),
        (255, 255, 255),
    ]


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"junk"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_is_no_reason_to_refuse(format: str, exif: bytes) -> None:
    assert read_image(encoded(UPRIGHT, format, exif=exif), MAX).size == (60, 40)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    assert read_image(encoded(UPRIGHT, exif=exif_with(orientation)), MAX).size == (60, 40)


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 20, 40))
    half = Image.new("RGBA", (40, 40), (0, 0, 0, 128))
    for format in ("PNG", "WEBP", "TIFF", "AVIF"):
        image = read_image(encoded(clear, format), MAX)
        assert (colour_at(image, 0.2), colour_at(image, 0.8)) == ((255, 0, 0), (255, 255, 255)), format
        assert abs(read_image(encoded(half, format), MAX).getpixel((5, 5))[0] - 127) <= 2, format


def test_transparent_palette_and_grey_lie_over_white() -> None:
    palette = Image.new("P", (20, 20), 0)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    palette.paste(1, (0, 0, 10, 20))
    for format in ("PNG", "GIF"):
        image = read_image(encoded(palette, format, transparency=0), MAX)
        assert (colour_at(image, 0.2), colour_at(image, 0.8)) == ((0, 0, 255), (255, 255, 255)), format
    steps = read_image(encoded(palette, "PNG", transparency=b"\x80\xff"), MAX)
    assert abs(steps.getpixel((15, 5))[0] - 127) <= 2
    grey_alpha = Image.merge("LA", (Image.new("L", (8, 8), 0), Image.new("L", (8, 8), 0)))
    assert colour_at(read_image(encoded(grey_alpha, "PNG"), MAX)) == (255, 255, 255)
    grey = Image.new("L", (8, 8), 0)
    assert colour_at(read_image(encoded(grey, "PNG", transparency=0), MAX)) == (255, 255, 255)


def test_deep_grey_keeps_its_upper_bits() -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    for data in (encoded(Image.fromarray(ramp), "PNG"), encoded(Image.fromarray(ramp), "TIFF")):
        values = np.asarray(read_image(data, MAX))[..., 0].ravel()
        assert np.abs(values.astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_numbers_without_a_range_are_stretched(kind: type) -> None:
    values = np.linspace(-500, 70_000, 64).astype(kind).reshape(8, 8)
    image = read_image(encoded(Image.fromarray(values), "TIFF"), MAX)
    assert (image.getpixel((0, 0)), image.getpixel((7, 7))) == ((0, 0, 0), (255, 255, 255))


def test_floats_that_are_no_numbers_are_black() -> None:
    values = np.array([[np.nan, np.inf], [0.0, 10.0]], dtype=np.float32)
    image = read_image(encoded(Image.fromarray(values), "TIFF"), MAX)
    assert [image.getpixel((x, y))[0] for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))] == [0, 0, 0, 255]
    assert read_image(encoded(Image.fromarray(values[:1] * np.nan), "TIFF"), MAX).getpixel((0, 0)) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize("mode", ["CMYK", "L", "1"])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_other_colours_become_rgb(mode: str, format: str) -> None:
    source = picture((255, 255, 255)).convert(mode)
    image = read_image(encoded(source, format), MAX)
    assert image.mode == "RGB"
    assert colour_at(image) == (255, 255, 255)


def test_jpeg_may_be_reduced_while_reading_but_not_below_the_limit() -> None:
    data = jpeg(size=(800, 600))
    assert read_image(data, MAX, shortest=150).size == (200, 150)
    assert min(read_image(data, MAX, shortest=151).size) >= 151
    assert read_image(data, MAX, shortest=5000).size == (800, 600)
    assert read_image(encoded(picture(size=(80, 60)), "PNG"), MAX, shortest=10).size == (80, 60)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_encoders_get_pictures_of_a_size_that_fits_into_memory(format: str) -> None:
    """Whatever a decoder does by itself; what is small already is left alone."""
    for size, expected in (((2400, 1100), (1200, 550)), ((1023, 800), (1023, 800)), ((60, 40), (60, 40))):
        data = encoded(Image.new("RGB", size, (204, 51, 0)), format)
        image = read_picture(data, 10 * MAX)
        assert (image.mode, image.size) == ("RGB", expected)
        assert colour_at(image) == (204, 51, 0)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_blocks": 3}, {"comment": b"x" * 9}]
)
def test_pixels_are_exactly_what_pillow_decodes(options: dict[str, object]) -> None:
    """Metadata is cut out of JPEGs before decoding; what is left must be the same picture."""
    data = encoded(picture(size=(123, 77)), quality=90, icc_profile=b"p" * 200_000, **options)
    for trailing in (b"", data, b"\xff\xda" * 5000):
        assert (
            read_image(data + trailing, MAX).tobytes()
            == Image.open(io.BytesIO(data)).convert("RGB").tobytes()
        )


def test_large_pictures_are_cut_to_an_aspect_that_can_be_scaled() -> None:
    assert crop_to_aspect(Image.new("RGB", (80, 10))).size == (80, 10)
    assert crop_to_aspect(Image.new("RGB", (1, 60_000))).size == (1, 8)
    wide = Image.new("RGB", (9000, 10))
    wide.paste((255, 0, 0), (4490, 0, 4510, 10))
    assert crop_to_aspect(wide, 2).getextrema() == ((255, 255), (0, 0), (0, 0))


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">L", len(content)) + name + content + struct.pack(">L", zlib.crc32(name + content))


def png(width: int, height: int, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0" * 4))


def tiff(*entries: tuple[int, int, int, int]) -> bytes:
    packed = b"".join(struct.pack("<HHLL", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + b"\0" * 4


def enlarged(data: bytes, at: int, layout: str) -> bytes:
    patched = bytearray(data)
    struct.pack_into(layout, patched, at, 60_000, 60_000)
    return bytes(patched)


HUGE = {
    "png": png(60_000, 60_000),
    "gif": enlarged(encoded(picture(), "GIF"), 6, "<HH"),
    "bmp": enlarged(encoded(picture(), "BMP"), 18, "<LL"),
    "jpeg": enlarged(jpeg(), jpeg().index(b"\xff\xc0") + 5, ">HH"),
    "tiff": tiff((256, 4, 1, 60_000), (257, 4, 1, 60_000)),
    "webp": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\x5f\xea\0\x5f\xea\0",
}


@pytest.mark.parametrize("name", HUGE)
def test_header_that_claims_60000_by_60000_is_refused_unread(name: str) -> None:
    for refuse in (inspect_image, read_image):
        with pytest.raises(ImageTooLarge, match="pixels; at most 100,000,000"):
            refuse(HUGE[name], 100_000_000)


def scan_bomb() -> bytes:
    data = encoded(picture(size=(64, 64)), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * 1000 + b"\xff\xd9"


def crowded_tiff() -> bytes:
    """A million strips for one pixel: as Python objects they would take a hundred times the file."""
    size, strips = (256, 4, 1, 1), 1_000_000
    return tiff(size, (257, 4, 1, 1), (273, 4, strips, 100), (279, 4, strips, 100)) + b"\0" * strips * 4


STRANGE = {
    "a thousand scans": scan_bomb(),
    "a million strips": crowded_tiff(),
    "one vast tile": tiff((256, 4, 1, 1), (257, 4, 1, 1), (322, 4, 1, 60_000), (323, 4, 1, 60_000)),
    "sixty thousand tags": b"MM\0*\0\0\0\x08\xff\xff" + b"\0" * 800_000,
    "a million segments": b"\xff\xd8" + b"\xff\xfe\0\x02" * 1_000_000 + jpeg()[2:],
    "a colour profile that unpacks to 1 GB": png(
        1, 1, chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"\0" * 2**27) * 8)
    ),
    "text that unpacks to 1 GB": png(1, 1, *[chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * 2**24))] * 64),
}


@pytest.mark.parametrize("name", STRANGE)
def test_files_that_cost_more_than_their_pixels_are_refused(name: str) -> None:
    with pytest.raises((UnsupportedImage, CorruptImage)):
        read_image(STRANGE[name], MAX)


def test_refusing_takes_no_memory_and_warns_nobody() -> None:
    """In a process of its own, because a process's peak never comes down again."""
    code = """
import resource
from encoders.images import ImageError, read_image
from tests.encoders.test_images import HUGE, STRANGE, tiff
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
warns = tiff((256, 4, 1, 1), (257, 4, 1, 1), (305, 2, 10_000_000, 8))
for data in [*HUGE.values(), *STRANGE.values(), warns]:
    try:
        read_image(data, 100_000_000)
    except ImageError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    command = [sys.executable, "-W", "default", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) < 100, "MiB more than before"
    assert "PIL" not in done.stderr


SAMPLES = [
    *(encoded(picture(size=(32, 24)), format) for format in FORMATS),
    encoded(picture(size=(32, 24)), progressive=True, exif=exif_with(6)),
    encoded(picture(size=(32, 24)).convert("CMYK")),
    encoded(picture(size=(32, 24)), "TIFF", compression="tiff_deflate", exif=exif_with(8)),
    encoded(picture(size=(32, 24)), "TIFF", compression="jpeg"),
    encoded(picture(size=(32, 24)), "PNG", exif=exif_with(3)),
    encoded(picture(size=(32, 24)).quantize(8), "PNG", transparency=1),
    encoded(picture(size=(32, 24)), "GIF", save_all=True, append_images=[picture((0, 255, 0), (32, 24))]),
    encoded(picture(size=(32, 24)), "WEBP", save_all=True, append_images=[picture((0, 255, 0), (32, 24))]),
    encoded(picture(size=(32, 24)), "WEBP", lossless=True, exif=exif_with(5)),
    encoded(picture(size=(32, 24)), "AVIF", exif=exif_with(7)),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 8))):
        # Headers are where damage is interesting; small numbers also bias towards them.
        at = draw(st.integers(0, len(data) - 1) | st.integers(0, min(64, len(data) - 1)))
        kind = draw(st.sampled_from(["set", "set", "insert", "cut", "truncate"]))
        if kind == "set":
            data[at] = draw(st.integers(0, 255) | st.sampled_from([0, 0xFF, 0x7F, 0x80]))
        elif kind == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 16))]
        else:
            del data[at:]
        if not data:
            break
    return bytes(data)


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")  # pytest resets the filter of encoders.images
@given(damaged(), st.none() | st.integers(1, 40))
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_damage_is_told_as_an_image_error_or_harmless(data: bytes, shortest: int | None) -> None:
    """Nothing that Pillow raises (or warns) comes out, and what inspection says holds for the picture."""
    try:
        info = inspect_image(data, MAX)
    except (UnsupportedImage, ImageTooLarge) as error:
        with pytest.raises(type(error)):
            read_image(data, MAX, shortest)
        return
    try:
        image = read_image(data, MAX, shortest)
    except (CorruptImage, ImageTooLarge):
        return
    assert image.mode == "RGB"
    if shortest is None:
        assert image.size == (info.width, info.height)


@given(st.binary(max_size=200), st.sampled_from([sample[:12] for sample in SAMPLES]))
@settings(max_examples=300, deadline=None)
def test_noise_behind_a_signature_is_refused(noise: bytes, signature: bytes) -> None:
    with pytest.raises(ImageError):
        read_image(signature + noise, MAX)
