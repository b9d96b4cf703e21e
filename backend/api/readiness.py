"""Whether this server can do its work now: it really encodes, searches, and asks catalogue and storage."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.store_queries import StoreQueries
from backend.profile import Services
from backend.settings import DEFAULT_TENANT
from backend.store.base import KINDS, Filter, Query
from encoders.batcher import QueueFull

LOG = logging.getLogger("twinspace.api")

VALID_SECONDS = 2.0
"""However often somebody asks, the checks run no more often than this."""

BROKER = "broker"
"""Said, and no reason to send nobody here: without it uploads are accepted, and wait."""


def _probe() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (120, 90, 60)).save(buffer, "PNG")
    return buffer.getvalue()


_PICTURE = _probe()


@dataclass(frozen=True)
class State:
    checks: dict[str, str | None]
    """By part: None when it works, else what is wrong."""

    @property
    def ready(self) -> bool:
        return not any(wrong for part, wrong in self.checks.items() if part != BROKER)


class Readiness:
    def __init__(self, services: Services, encoder: QueryEncoder, queries: StoreQueries) -> None:
        self._services = services
        self._encoder = encoder
        self._queries = queries
        self._lock = threading.Lock()
        self._state: State | None = None
        self._valid_until = 0.0

    def check(self) -> State:
        """One thread checks, the others wait for what it finds."""
        with self._lock:
            if self._state is None or time.monotonic() >= self._valid_until:
                checks = {
                    "encoder": self._encode,
                    "store": self._search,
                    "catalogue": self._services.catalogue.check,
                    "originals": self._services.originals.check,
                }
                if self._services.check_broker:
                    checks[BROKER] = self._services.check_broker
                self._state = State({part: _problem(part, check) for part, check in checks.items()})
                self._valid_until = time.monotonic() + VALID_SECONDS
            return self._state

    def _encode(self) -> None:
        self._encoder.texts(["ready?"])
        self._encoder.pictures([("probe", _PICTURE)])

    def _search(self) -> None:
        self._services.store.check()
        self._services.store.require_room()
        space = self._encoder.space
        vector = np.full(space.dim, space.dim**-0.5, np.float32)
        query = Query(vector, 1, Filter(DEFAULT_TENANT))
        self._queries.run(space.name, [(kind, query) for kind in KINDS])


def _problem(part: str, check: Callable[[], None]) -> str | None:
    try:
        check()
    except QueueFull:
        return None  # Busy is not broken: taking a busy server out would only overload the next.
    except Exception as error:  # noqa: BLE001 - whatever it is, it is why we are not ready; and it must be said, not raised.
        LOG.warning("Not ready: %s: %s", part, error)
        return str(error) or type(error).__name__
    return None
