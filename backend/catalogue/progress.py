"""How much is stored and how far the encoding is, cheap enough to say with every search."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from backend.catalogue.items import Counts

SHORTEST = 1.0
"""Seconds that counts are good for."""
SHARE = 50
"""Counting takes at most one part in this many of the time."""


class CachedCounts:
    """Counts are asked for by every search; the database hears of it once a second or less."""

    def __init__(self, count: Callable[[str], Counts]) -> None:
        self._count = count
        self._known: dict[str, tuple[Counts, float]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, tenant: str) -> Counts:
        """Of one tenant; while one thread counts, the others take what was known before."""
        known = self._known.get(tenant)
        if known is not None and time.monotonic() < known[1]:
            return known[0]
        lock = self._locks.setdefault(tenant, threading.Lock())
        if not lock.acquire(blocking=known is None) and known is not None:
            return known[0]
        try:
            return self._refresh(tenant)
        finally:
            lock.release()

    def _refresh(self, tenant: str) -> Counts:
        started = time.monotonic()
        if (known := self._known.get(tenant)) and started < known[1]:
            return known[0]
        counts = self._count(tenant)
        now = time.monotonic()
        self._known[tenant] = (counts, now + max(SHORTEST, SHARE * (now - started)))
        return counts


def indexing(counts: Counts) -> dict[str, int] | None:
    """`{"indexed", "total"}` while items wait to be encoded into the current space, else None."""
    total = counts.images + counts.captions + counts.pending
    return None if counts.in_space >= total else {"indexed": counts.in_space, "total": total}
