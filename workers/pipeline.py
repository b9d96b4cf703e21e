"""From pending to indexed, claim by claim, until nothing is due. The same in a thread and in Celery.

While one batch is being encoded, the pictures of the next are already being read and decoded.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time

from prometheus_client import CollectorRegistry

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.target import NotTheTargetError
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.base import Encoder, Preparing
from encoders.openmp import release_threads
from workers.batch import Batch, BatchWorker
from workers.isolation import OUTAGES
from workers.leases import LeaseKeeper
from workers.metrics import IngestMetrics
from workers.reading import Reader

LOG = logging.getLogger("twinspace.ingest")

# After so many batches on end the pipeline runs dry once, so that what died before can be in work alone.
BURST = 8
# One claim in so many looks for imports first: single uploads have three quarters of a busy worker.
IMPORTS_TURN = 4
LONGEST_PAUSE = 30.0
STAND_BY_SECONDS = 15.0


class Pipeline:
    """One in a process. `stopping` makes `run` finish what is being encoded, and return."""

    def __init__(
        self,
        catalogue: Catalogue,
        originals: Originals,
        store: VectorStore,
        encoder: Encoder,
        settings: Settings,
        stopping: threading.Event,
        metrics: IngestMetrics | None = None,
    ) -> None:
        self._metrics = metrics or IngestMetrics(CollectorRegistry())
        self._claims = catalogue.claims
        self._space = encoder.space
        self._store = store
        self._lease = settings.lease_seconds
        self.batch_size = max(2 * settings.image_batch, settings.text_batch)
        self._stopping = stopping
        self._name = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
        prepare = [encoder.prepare_image] if isinstance(encoder, Preparing) else []
        self._reader = Reader(originals, settings.max_image_pixels, *prepare)
        self._worker = BatchWorker(
            catalogue.claims,
            catalogue.captions,
            store,
            encoder,
            settings,
            self._name,
            stopping,
            self._metrics,
        )
        self._in_work: list[Batch] = []
        self._space_ensured = False
        self._turn = 0
        self._outages = 0
        self._resume_at = 0.0

    @property
    def pause_left(self) -> float:
        """Seconds for which `run` does nothing, because a service was down a moment ago or because
        others fill another space."""
        return max(0.0, self._resume_at - time.monotonic())

    def run(self) -> int:
        """Works until nothing is due; returns how many items it finished. When a service is down it
        gives back what it had in work and pauses: longer each time, up to 30 seconds."""
        if self.pause_left > 0:
            return 0
        finished = 0
        try:
            self._give_back()
            if not self._space_ensured:
                self._store.ensure_space(self._space)
                self._space_ensured = True
            with LeaseKeeper(self._claims, self._name, self._lease, self._left) as leases:
                while not self._stopping.is_set() and (number := self._burst(leases)):
                    finished += number
            self._give_back()
            self._metrics.standing_by.set(0)
        except NotTheTargetError as error:
            self._stand_by(error)
        except OUTAGES as error:
            LOG.warning("Ingest pauses for %.0f s: %s", self._pause(), error)
        except Exception:
            LOG.exception("Ingest pauses for %.0f s after an error that nobody foresaw", self._pause())
        finally:
            release_threads()
        return finished

    def close(self) -> None:
        """Gives back what was claimed and not finished. Call when `run` has returned."""
        self._reader.close()
        try:
            self._give_back()
        except OUTAGES as error:
            LOG.warning("Claims are left to run out: %s", error)

    def _burst(self, leases: LeaseKeeper) -> int:
        finished = 0
        batch = self._claim(in_company=False)
        for left in reversed(range(BURST)):
            if batch is None:
                break
            # A batch that is not full was all there is, and to go on looking could only bring company
            # to an item that is to be judged alone.
            full = len(batch.claims) == self.batch_size
            following = self._claim(in_company=True) if full and left else None
            self._worker.process(batch)
            leases.progressed()
            self._outages = 0
            finished += len(batch.finished)
            batch = following
        return finished

    def _claim(self, *, in_company: bool) -> Batch | None:
        if self._stopping.is_set():
            return None
        claims = self._claims.claim(
            self._space.name,
            self._name,
            self.batch_size,
            self._lease,
            in_company=in_company,
            bulk_first=self._turn % IMPORTS_TURN == IMPORTS_TURN - 1,
        )
        if not claims:
            return None
        self._turn += 1
        images = [claim.item for claim in claims if claim.item.kind == "image"]
        batch = Batch(claims, {item.id: self._reader.submit(item) for item in images})
        self._in_work = [some for some in self._in_work if some.left()] + [batch]
        return batch

    def _give_back(self) -> None:
        """What a shutdown or an outage interrupted; it never counts against the items."""
        self._claims.release(self._name, self._left())
        self._in_work = []

    def _left(self) -> list[Claim]:
        """What is claimed and not finished."""
        return [claim for batch in self._in_work for claim in batch.left()]

    def _stand_by(self, error: NotTheTargetError) -> None:
        LOG.warning("%s", error)
        self._metrics.standing_by.set(1)
        self._resume_at = time.monotonic() + STAND_BY_SECONDS
        # Its collections may be dropped meanwhile.
        self._space_ensured = False

    def _pause(self) -> float:
        seconds = min(LONGEST_PAUSE, 2.0 ** min(self._outages, 10))
        self._outages += 1
        self._resume_at = time.monotonic() + seconds
        return seconds
