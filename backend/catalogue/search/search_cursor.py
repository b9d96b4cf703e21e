"""Where a paged search goes on: everything the next page needs, so that the server remembers nothing.

The combined query vector travels inside (as float16; the first page is rounded to it too), and so do its
scales of relevance, so that later pages encode nothing and score exactly as the first did.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from backend.catalogue.search.queries import LISTS, ListName
from backend.catalogue.search.relevance import Scale
from backend.errors import InvalidCursor
from backend.store.base import KINDS, Kind, Vector

VERSION = 3
FINGERPRINT_BYTES = 8
_SEAL_BYTES = 12
_HEAD = struct.Struct(f"<B{FINGERPRINT_BYTES}sq")
_LIST = struct.Struct("<BH")
_PLACE = struct.Struct("<d16s")
_EXHAUSTED, _ORDERED = 1, 2
_KEY_BYTES = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OPEN_KEY = b"twinspace cursor"
"""Without API keys the seal is a checksum against accidents: there is nobody to protect from anybody."""


@dataclass(frozen=True)
class Place:
    """How far one list has been given out."""

    given: int = 0
    score: float = math.inf
    """Of the last hit; with `id` the key that the next page starts behind."""
    id: str = ""
    exhausted: bool = False

    def is_before(self, score: float, id: str) -> bool:
        """Whether a hit comes after this place: best first, equal scores in the order of ids."""
        return score < self.score or (score == self.score and id > self.id)


START = Place()


@dataclass(frozen=True)
class Given:
    """What of a list that has an order of its own (fused, diversified, grouped, ...) was given out.

    Such an order may change a little while items come and go, so it is the hits themselves that are
    remembered. Ids are hashes already: six bytes of them tell a hundred thousand items apart.
    """

    keys: frozenset[str] = frozenset()
    exhausted: bool = False

    @property
    def given(self) -> int:
        return len(self.keys)


NOTHING_GIVEN = Given()
Mark = Place | Given


def key_of(id: str) -> str:
    """The first six bytes of a UUID, in hexadecimal."""
    return id[:8] + id[9:13]


@dataclass(frozen=True)
class SearchCursor:
    fingerprint: bytes
    """Of the request (without cursor and limit), the tenant and the space: a cursor fits nothing else."""
    as_of: datetime
    """When the first page was asked for."""
    marks: Mapping[ListName, Mark]
    scales: Mapping[Kind, Scale]
    """Of relevance, for this query: they follow from its parts, which later pages do not encode."""
    vector: Vector


def half(vector: Vector) -> Vector:
    """Rounded to what a cursor carries: unit vectors lose less than 0.001 of cosine."""
    return vector.astype(np.float16).astype(np.float32)


def single(scale: Scale) -> Scale:
    """Rounded to what a cursor carries."""
    return Scale(scale.cosines.astype(np.float32))


def encode_cursor(cursor: SearchCursor, key: bytes | None) -> str:
    body = _HEAD.pack(VERSION, cursor.fingerprint, (cursor.as_of - _EPOCH) // _MICROSECOND)
    body += b"".join(_encode_mark(cursor.marks.get(name, START)) for name in LISTS)
    body += b"".join(_encode_scale(cursor.scales.get(kind)) for kind in KINDS)
    body += cursor.vector.astype("<f2").tobytes()
    return base64.urlsafe_b64encode(_seal(body, key) + body).rstrip(b"=").decode()


def decode_cursor(text: str, fingerprint: bytes, dim: int, key: bytes | None) -> SearchCursor:
    """Raises `InvalidCursor` for what we did not make, or made for another request."""
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor("This is no cursor of ours.") from None
    seal, body = data[:_SEAL_BYTES], data[_SEAL_BYTES:]
    if len(body) < _HEAD.size or not hmac.compare_digest(seal, _seal(body, key)):
        raise InvalidCursor("This is no cursor of ours.")
    version, made_for, as_of = _HEAD.unpack_from(body)
    if version != VERSION or made_for != fingerprint:
        raise InvalidCursor("This cursor belongs to another search: only `limit` may change between pages.")
    marks: dict[ListName, Mark] = {}
    offset = _HEAD.size
    for name in LISTS:
        marks[name], offset = _decode_mark(body, offset)
    scales: dict[Kind, Scale] = {}
    for kind in KINDS:
        scale, offset = _decode_scale(body, offset)
        if scale is not None:
            scales[kind] = scale
    vector = np.frombuffer(body, "<f2", offset=offset).astype(np.float32)
    if vector.shape != (dim,):
        raise InvalidCursor("This cursor belongs to another vector space.")
    return SearchCursor(made_for, _EPOCH + as_of * _MICROSECOND, marks, scales, vector)


def _encode_mark(mark: Mark) -> bytes:
    if isinstance(mark, Given):
        flags = _ORDERED | (_EXHAUSTED if mark.exhausted else 0)
        return _LIST.pack(flags, mark.given) + bytes.fromhex("".join(sorted(mark.keys)))
    id_bytes = uuid.UUID(mark.id).bytes if mark.id else bytes(16)
    return _LIST.pack(int(mark.exhausted), mark.given) + _PLACE.pack(mark.score, id_bytes)


def _decode_mark(body: bytes, offset: int) -> tuple[Mark, int]:
    """The mark, and where the next one begins."""
    flags, given = _LIST.unpack_from(body, offset)
    offset += _LIST.size
    exhausted = bool(flags & _EXHAUSTED)
    if flags & _ORDERED:
        end = offset + given * _KEY_BYTES
        keys = body[offset:end].hex()
        digits = 2 * _KEY_BYTES
        return Given(frozenset(keys[i : i + digits] for i in range(0, len(keys), digits)), exhausted), end
    score, id_bytes = _PLACE.unpack_from(body, offset)
    id = str(uuid.UUID(bytes=id_bytes)) if given else ""
    return Place(given, score, id, exhausted), offset + _PLACE.size


def _encode_scale(scale: Scale | None) -> bytes:
    if scale is None:
        return bytes(1)
    cosines = scale.cosines.astype("<f4")
    return bytes([len(cosines)]) + cosines.tobytes()


def _decode_scale(body: bytes, offset: int) -> tuple[Scale | None, int]:
    number, offset = body[offset], offset + 1
    if not number:
        return None, offset
    cosines = np.frombuffer(body, "<f4", number, offset)
    return Scale(cosines), offset + 4 * number


def _seal(body: bytes, key: bytes | None) -> bytes:
    return hmac.new(key or _OPEN_KEY, b"cursor\0" + body, hashlib.sha256).digest()[:_SEAL_BYTES]
