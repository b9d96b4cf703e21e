"""Tells the catalogue that workers of a space are alive, however rarely a message reaches this one."""

from __future__ import annotations

import logging
import threading

from backend.catalogue.target import TargetSpace
from workers.isolation import OUTAGES

LOG = logging.getLogger("twinspace.ingest")

SECONDS = 15.0


class Heartbeat:
    """Begins with the choice of `space` as the target. Raises `Unavailable`."""

    def __init__(self, target: TargetSpace, space: str) -> None:
        target.choose(space)
        self._target = target
        self._space = space
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._closing.wait(SECONDS):
            try:
                self._target.hold(self._space)
            except OUTAGES as error:
                LOG.warning("No sign of life could be given: %s", error)
