"""Keeps the leases of what is in work for as long as the process lives, however slow its machine is.

What a slow worker gave up would be done twice, and be taken for poison in the end. What hangs is given
up all the same: others may have more luck with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from backend.catalogue.claims import Claim, Claims
from workers.isolation import OUTAGES

LOG = logging.getLogger("twinspace.ingest")

STUCK_SECONDS = 900.0
"""No batch takes so long, not even on a machine that has far too much to do."""
JOIN_SECONDS = 1.0


class LeaseKeeper:
    """A thread for the time of a `with`. `in_work` tells what is claimed and not finished."""

    def __init__(
        self, claims: Claims, worker: str, lease_seconds: float, in_work: Callable[[], Sequence[Claim]]
    ) -> None:
        self._claims = claims
        self._worker = worker
        self._lease = lease_seconds
        self._in_work = in_work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)
        self.progressed()

    def progressed(self) -> None:
        """Something was finished: this process does not hang."""
        self._progress = time.monotonic()

    def _keep(self) -> None:
        while not self._ended.wait(self._lease / 4):
            if time.monotonic() - self._progress > STUCK_SECONDS:
                LOG.error("Nothing was finished for %.0f s: what is in work is given up", STUCK_SECONDS)
                return
            try:
                self._claims.extend(self._worker, self._in_work(), self._lease)
            except OUTAGES as error:
                LOG.warning("Leases could not be extended: %s", error)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        # The database may be silent; the thread ends by itself when it speaks again.
        self._thread.join(JOIN_SECONDS)
