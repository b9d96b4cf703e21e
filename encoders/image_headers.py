"""What must be known of a picture before a decoder may touch it: its size, and that it costs no more.

Decoders trust their input in ways an upload must not be trusted: they allocate before they look, unpack
metadata to many times its size, or decode as many progressive scans as a small file cares to repeat. These
readers look at headers only, allocate nothing that a header asks for, and give up early.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# Real files have a few dozen of each at most (a 50 MB JPEG may carry 800 segments of colour profile).
_MAX_JPEG_SEGMENTS = 10_000
_MAX_JPEG_SCANS = 100
_MAX_TIFF_ENTRIES = 4096
_MAX_TIFF_VALUES = 2**18

_MAX_TIFF_TILE = 4096 * 4096

_WIDTH, _HEIGHT, _ORIENTATION, _TILE_WIDTH, _TILE_HEIGHT = 0x0100, 0x0101, 0x0112, 0x0142, 0x0143
_TIFF_INTEGERS = {3: "H", 4: "L", 16: "Q"}
_TIFF_BYTES = (1, 2, 7)
"""BYTE, ASCII and UNDEFINED stay bytes when Pillow reads them; other types grow to Python objects."""


class BadHeader(Exception):
    """The header is damaged, or no honest file has such a one; the message says which."""


@dataclass(frozen=True)
class Header:
    width: int
    """As stored, before orientation; `height` likewise."""
    height: int
    orientation: int = 1
    """EXIF orientation, 1 to 8."""


def exif_orientation(exif: bytes) -> int:
    """1 (upright) for whatever cannot be read: a damaged EXIF block is no reason to refuse a picture."""
    block = exif.removeprefix(b"Exif\0\0")
    if block[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    try:
        values = [value for tag, _, _, value in _tiff_entries(block) if tag == _ORIENTATION]
    except (BadHeader, struct.error):
        return 1
    return values[0] if values and values[0] in range(1, 9) else 1


def tiff_header(data: bytes) -> Header:
    """Raises `BadHeader` or `struct.error`. Orientation stays 1: Pillow applies a TIFF's own."""
    size: dict[int, int] = {}
    for tag, kind, count, value in _tiff_entries(data):
        if kind not in _TIFF_BYTES and count > _MAX_TIFF_VALUES:
            raise BadHeader("its directory is far larger than any picture needs")
        if tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT):
            size[tag] = max(value, size.get(tag, 0))
    if size.get(_TILE_WIDTH, 0) * size.get(_TILE_HEIGHT, 0) > _MAX_TIFF_TILE:
        raise BadHeader("its tiles are far larger than any picture needs")
    return Header(size.get(_WIDTH, 0), size.get(_HEIGHT, 0))


def _tiff_entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(tag, type, count, value) of the first directory; value is 0 where it is no single integer."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in (data[2], data[3])
    head, entry, value_size = ("Q", "HHQ", 8) if big else ("H", "HHL", 4)
    # The first directory's offset is as long as a value and stands at byte 8 (BigTIFF) or 4.
    (position,) = struct.unpack_from(order + ("Q" if big else "L"), data, value_size)
    if position > len(data):
        raise BadHeader("its directory lies outside the file")
    (entries,) = struct.unpack_from(order + head, data, position)
    if entries > _MAX_TIFF_ENTRIES:
        raise BadHeader("its directory is far larger than any picture needs")
    position += struct.calcsize(order + head)
    for _ in range(entries):
        tag, kind, count = struct.unpack_from(order + entry, data, position)
        position += struct.calcsize(order + entry)
        code = _TIFF_INTEGERS.get(kind)
        fits = code is not None and count == 1 and struct.calcsize(order + code) <= value_size
        value = struct.unpack_from(order + code, data, position)[0] if code and fits else 0
        position += value_size
        yield tag, kind, count, value


def png_header(data: bytes) -> Header:
    return Header(*struct.unpack_from(">LL", data, 16))


def gif_header(data: bytes) -> Header:
    return Header(*struct.unpack_from("<HH", data, 6))


def webp_header(data: bytes) -> Header:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Header(*(int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27)))
    if chunk == b"VP8L" and data[20:21] == b"\x2f":
        (bits,) = struct.unpack_from("<L", data, 21)
        return Header((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    raise BadHeader("it does not start with a picture")


_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_STANDALONE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
_METADATA = frozenset({*range(0xE1, 0xF0), 0xFE}) - {0xEE}
"""APP1 to APP15 and comments. APP0 (JFIF) and APP14 (Adobe) say how colours are coded and stay."""
# Inside compressed data 0xFF is followed by zero or a restart marker; anything else ends the scan.
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def jpeg_without_metadata(data: bytes) -> tuple[Header, bytes]:
    """The header, and the picture alone: no EXIF, profiles, comments, or what follows its end (videos of
    motion photos, further pictures of an MPO), all of which Pillow would unpack. Raises `BadHeader`.
    """
    header, orientation, scans, position = None, 1, 0, 2
    kept = [b"\xff\xd8"]
    for _ in range(_MAX_JPEG_SEGMENTS):
        position = data.find(b"\xff", position)
        if position < 0 or position + 2 > len(data):
            break
        marker = data[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        segment = data[position:end]
        if marker == _APP1 and segment[4:10] == b"Exif\0\0" and orientation == 1:
            orientation = exif_orientation(segment[4:])
        if marker in _FRAMES:
            header = _jpeg_frame(segment)
        if marker == _SOS:
            scans += 1
            found = _END_OF_SCAN.search(data, end)
            end = found.start() if found else len(data)
            segment = data[position:end]
        if marker not in _METADATA:
            kept.append(segment)
        position = end
        if scans > _MAX_JPEG_SCANS:
            raise BadHeader("it repeats its scans to no end")
    else:
        raise BadHeader("it has too many segments")
    if header is None or not scans:
        raise BadHeader("it ends before its picture begins")
    return Header(header.width, header.height, orientation), b"".join(kept)


def _jpeg_frame(segment: bytes) -> Header:
    if len(segment) < 9:
        raise BadHeader("it ends before its picture begins")
    height, width = struct.unpack_from(">HH", segment, 5)
    return Header(width, height)
