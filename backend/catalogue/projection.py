"""What of an item goes into its point: the fields that searches filter by, the words that it is found by."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.catalogue.attached import AttachedCaptions
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from backend.settings import RangeKind
from backend.store import lexical
from backend.store.base import KINDS, Kind, Point, Vector, VectorStore
from backend.store.filters import NO, NO_RANGES, YES, rfc3339

LOG = logging.getLogger("twinspace.janitor")

VERSION = 3
"""Raised when points of the same items are to hold something else: all are then written anew."""
BATCH = 1000
"""Each waits for the disk once."""
BATCHES = 5
"""In one go: the janitor has other duties."""


def version(ranges: Mapping[str, RangeKind]) -> str:
    """Of the points that this program writes with these range fields."""
    parts = json.dumps([VERSION, lexical.VERSION, sorted(ranges.items())])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def keyword(key: str, value: object) -> str:
    """`key=value`. Values are equal when they are written alike, so that one can ask for what `facets` lists:
    a text as it is, all else as JSON writes it (`true`, `null`), a number by its value (3.0 is `3`)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return keyword_prefix(key) + (value if isinstance(value, str) else json.dumps(value))


def keyword_prefix(key: str) -> str:
    """Of all keywords of this key. A `=` that is in the key itself is no end of it."""
    return f"{key.replace('%', '%25').replace('=', '%3D')}="


def keywords(metadata: Mapping[str, Any]) -> list[str]:
    """Of the scalar values, and of each scalar in a list: what `filter.metadata` can ask for."""
    found: list[str] = []
    for key, value in metadata.items():
        for scalar in _values(value):
            if not isinstance(scalar, (dict, list)):
                found.append(keyword(key, scalar))
    return list(dict.fromkeys(found))


def range_values(metadata: Mapping[str, Any], ranges: Mapping[str, RangeKind]) -> dict[str, list[Any]]:
    """By key, the numbers and times that can be asked for in ranges: those of the kind that is declared, of
    both where none is."""
    found: dict[str, list[Any]] = {}
    for key, value in metadata.items():
        readers = [_READERS[ranges[key]]] if key in ranges else _READERS.values()
        values = [read(one) for one in _values(value) for read in readers]
        if known := [value for value in values if value is not None]:
            found[key] = known
    return found


def payload(item: Item, indexed_at: datetime, ranges: Mapping[str, RangeKind] = NO_RANGES) -> dict[str, Any]:
    """The payload of the item's point, as `backend.store.base.Point` describes it, but for what the item
    does not know by itself: whether it has captions."""
    values: dict[str, Any] = {
        "tenant": item.tenant,
        "kind": item.kind,
        "tags": list(item.tags),
        "metadata": keywords(item.metadata),
        "metadata_keys": list(item.metadata),
        "ranges": range_values(item.metadata, ranges),
        "created_at": _rfc3339(item.created_at),
        "indexed_at": _rfc3339(indexed_at),
    }
    if item.image_id is not None:
        values["image_id"] = item.image_id
    return values


class Projection:
    """Makes points of items."""

    def __init__(self, captions: AttachedCaptions, ranges: Mapping[str, RangeKind]) -> None:
        self._captions = captions
        self._ranges = ranges

    def points(self, encoded: Sequence[tuple[Item, Vector | None]], indexed_at: datetime) -> list[Point]:
        """Of items that have just been encoded."""
        return self._points([(item, vector, indexed_at) for item, vector in encoded])

    def refreshed(self, items: Sequence[Item]) -> list[Point]:
        """Of items that are in the store already: without dense vectors, for `VectorStore.refresh`."""
        return self._points([(item, None, item.indexed_at) for item in items if item.indexed_at])

    def _points(self, items: Sequence[tuple[Item, Vector | None, datetime]]) -> list[Point]:
        texts = self._captions.texts([item.id for item, _, _ in items if item.kind == "image"])
        return [self._point(item, vector, at, texts.get(item.id, [])) for item, vector, at in items]

    def _point(self, item: Item, vector: Vector | None, indexed_at: datetime, texts: list[str]) -> Point:
        values = payload(item, indexed_at, self._ranges)
        if item.kind == "image":
            values["has_caption"] = YES if texts else NO
        words = "\n".join(texts) if item.kind == "image" else item.text or ""
        return Point(item.id, vector, values, lexical.document(words) if words else None)


def project(catalogue: Catalogue, store: VectorStore, ranges: Mapping[str, RangeKind] = NO_RANGES) -> int:
    """Writes points that are behind, but for their dense vectors; returns how many. There may be more:
    5,000 are enough for once. Raises `Unavailable`."""
    projection = Projection(catalogue.captions, ranges)
    done = 0
    for _ in range(BATCHES):
        stale = catalogue.upkeep.stale(BATCH)
        # Without a space there is no point: it is written when it is encoded.
        _refresh(projection, store, [claim.item for claim in stale if claim.item.space is not None])
        catalogue.upkeep.projected(stale)
        done += len(stale)
        if len(stale) < BATCH:
            break
    return done


def _refresh(projection: Projection, store: VectorStore, items: Sequence[Item]) -> None:
    for space in dict.fromkeys(item.space for item in items if item.space is not None):
        for kind in KINDS:
            some = [item for item in items if item.space == space and item.kind == kind]
            _write(store, space, kind, projection.refreshed(some))


def _write(store: VectorStore, space: str, kind: Kind, points: Sequence[Point]) -> None:
    """A point that the store refuses stays as it is, and holds up no other."""
    try:
        store.refresh(space, kind, points)
    except ValueError as error:
        if len(points) == 1:
            LOG.error("The store refuses what is new of %s: %s", points[0].id, error)
            return
        half = len(points) // 2
        _write(store, space, kind, points[:half])
        _write(store, space, kind, points[half:])


def _values(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else [value]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _time(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return rfc3339(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        return None


_READERS: dict[RangeKind, Callable[[object], Any]] = {"number": _number, "datetime": _time}


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
