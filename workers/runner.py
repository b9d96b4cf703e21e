"""Ingest inside the serving process: one thread works off what is due, another one tidies up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from backend.catalogue.catalogue import Catalogue
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.base import Encoder
from workers.encoding import warm_up
from workers.isolation import OUTAGES
from workers.janitor import Janitor
from workers.metrics import IngestMetrics
from workers.pipeline import Pipeline
from workers.priority import step_back

LOG = logging.getLogger("twinspace.ingest")

# How long a stop waits for the batch in work: requests in hand take most of the 10 seconds that it may last.
STOP_SECONDS = 3.0
# With 2 cores a query takes 12 instead of 27 ms during ingest.
BEHIND_QUERIES = 10


class EmbeddedRunner:
    """Resumes at start what an earlier process left: being the only worker, it takes over all leases."""

    def __init__(
        self,
        catalogue: Catalogue,
        originals: Originals,
        store: VectorStore,
        encoder: Callable[[], Encoder],
        settings: Settings,
        metrics: IngestMetrics,
    ) -> None:
        self._metrics = metrics
        self._catalogue = catalogue
        self._originals = originals
        self._store = store
        self._encoder = encoder
        self._settings = settings
        self._loaded: Encoder | None = None
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._tidy = threading.Event()
        self._threads = [
            threading.Thread(target=self._ingest, name="ingest", daemon=True),
            threading.Thread(target=self._keep_tidy, name="janitor", daemon=True),
        ]

    def start(self) -> None:
        self._catalogue.claims.release_dead()
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is work. Never raises or blocks."""
        self._work.set()
        self._tidy.set()

    def stop(self) -> bool:
        """Finishes what is being encoded, gives back the rest; whether that took less than 3 seconds."""
        self._stopping.set()
        self.wake()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _ingest(self) -> None:
        step_back(BEHIND_QUERIES)
        encoder = self._load()
        if encoder is None:
            return
        pipeline = Pipeline(
            self._catalogue,
            self._originals,
            self._store,
            encoder,
            self._settings,
            self._stopping,
            self._metrics,
        )
        while not self._stopping.is_set():
            if pipeline.run():
                # A picture may have gained captions while it was in work.
                self._tidy.set()
            self._work.wait(pipeline.pause_left or self._settings.reconcile_seconds)
            self._work.clear()
        pipeline.close()

    def _load(self) -> Encoder | None:
        """Tries until it works: whoever mends the model's files need not restart the server."""
        while not self._stopping.is_set():
            try:
                encoder = self._encoder()
                self._catalogue.target.choose(encoder.space.name)
                warm_up(encoder, self._settings.image_batch)
            except Exception:
                LOG.exception("The encoder cannot be loaded; uploads wait")
                self._stopping.wait(self._settings.reconcile_seconds)
            else:
                self._loaded = encoder
                self._tidy.set()
                return encoder
        return None

    def _keep_tidy(self) -> None:
        step_back(BEHIND_QUERIES)
        janitor = Janitor(self._catalogue, self._originals, self._store, self._settings.ranges())
        while not self._stopping.is_set():
            try:
                if janitor.run(self._loaded.space if self._loaded else None):
                    self._work.set()
            except OUTAGES as error:
                LOG.warning("Tidying up waits: %s", error)
            except Exception:
                LOG.exception("Tidying up failed; it is tried again")
            self._tidy.wait(self._settings.reconcile_seconds)
            self._tidy.clear()
