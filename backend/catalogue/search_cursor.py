"""Where a paged search goes on: everything the next page needs, so that the server remembers nothing.

The combined query vector travels inside (as float16; the first page is rounded to it too), so that later
pages encode nothing and score exactly as the first did.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import struct
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from backend.errors import InvalidCursor
from backend.store.base import KINDS, Kind, Vector

VERSION = 1
FINGERPRINT_BYTES = 8
_SEAL_BYTES = 12
_HEAD = struct.Struct(f"<B{FINGERPRINT_BYTES}sq")
_PLACE = struct.Struct("<BHd16s")
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
class SearchCursor:
    fingerprint: bytes
    """Of the request (without cursor and limit), the tenant and the space: a cursor fits nothing else."""
    as_of: datetime
    """When the first page was asked for."""
    places: dict[Kind, Place]
    vector: Vector


def half(vector: Vector) -> Vector:
    """Rounded to what a cursor carries: unit vectors lose less than 0.001 of cosine."""
    return vector.astype(np.float16).astype(np.float32)


def encode_cursor(cursor: SearchCursor, key: bytes | None) -> str:
    body = _HEAD.pack(VERSION, cursor.fingerprint, (cursor.as_of - _EPOCH) // _MICROSECOND)
    for kind in KINDS:
        place = cursor.places.get(kind, START)
        id_bytes = uuid.UUID(place.id).bytes if place.id else bytes(16)
        body += _PLACE.pack(place.exhausted, place.given, place.score, id_bytes)
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
    places, offset = {}, _HEAD.size
    for kind in KINDS:
        exhausted, given, score, id_bytes = _PLACE.unpack_from(body, offset)
        id = str(uuid.UUID(bytes=id_bytes)) if given else ""
        places[kind] = Place(given, score, id, bool(exhausted))
        offset += _PLACE.size
    vector = np.frombuffer(body, "<f2", offset=offset).astype(np.float32)
    if vector.shape != (dim,):
        raise InvalidCursor("This cursor belongs to another vector space.")
    return SearchCursor(made_for, _EPOCH + as_of * _MICROSECOND, places, vector)


def _seal(body: bytes, key: bytes | None) -> bytes:
    return hmac.new(key or _OPEN_KEY, b"cursor\0" + body, hashlib.sha256).digest()[:_SEAL_BYTES]
