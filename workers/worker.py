"""The one worker of a Celery process: opens everything at the first task, and never runs two pipelines."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from celery import Celery

from backend.adapters import Adapters, open_adapters
from backend.settings import Settings
from encoders.base import Encoder, Space
from encoders.loading import load_encoder
from workers.app import wake_workers
from workers.heartbeat import Heartbeat
from workers.isolation import OUTAGES
from workers.janitor import Janitor
from workers.metrics import IngestMetrics
from workers.pipeline import Pipeline

LOG = logging.getLogger("twinspace.ingest")

# Enough for every worker of a large installation; one message serves a worker until nothing is due.
MOST_WAKE_UPS = 32


@dataclass
class _Opened:
    adapters: Adapters
    heartbeat: Heartbeat
    pipeline: Pipeline
    janitor: Janitor


class Worker:
    """Nothing is opened and no model is loaded before the first task: Celery gives a starting process
    only seconds."""

    def __init__(
        self,
        settings: Settings,
        app: Celery,
        load: Callable[[str], Encoder] = load_encoder,
        metrics: IngestMetrics | None = None,
    ) -> None:
        self._metrics = metrics
        self._settings = settings
        self._app = app
        self._load = load
        self._stopping = threading.Event()
        self._asked = threading.Event()
        self._opening = threading.Lock()
        self._ingesting = threading.Lock()
        self._reconciling = threading.Lock()
        self._opened: _Opened | None = None

    def ingest(self) -> None:
        """A wake-up that comes while another is being served makes that one look again."""
        self._asked.set()
        while self._asked.is_set() and self._ingesting.acquire(blocking=False):
            try:
                self._asked.clear()
                self._ingest()
            finally:
                self._ingesting.release()

    def _ingest(self) -> None:
        try:
            opened = self._open()
            opened.pipeline.run()
            # Whoever tags or describes a picture that is indexed already waits for no reconciler.
            opened.janitor.project()
        except OUTAGES as error:
            LOG.warning("Ingest waits: %s", error)

    def reconcile(self) -> None:
        """Tidies up, then wakes as many workers as the backlog needs and no more."""
        if self._stopping.is_set() or not self._reconciling.acquire(blocking=False):
            return
        try:
            opened = self._open()
            space = opened.adapters.encoder().space
            target = opened.adapters.catalogue.target.hold(space.name)
            _tidy_up(opened.janitor, space if space.name == target else None)
            size = opened.pipeline.batch_size
            ready = opened.adapters.catalogue.claims.backlog(target, MOST_WAKE_UPS * size)
            if ready:
                wake_workers(self._app, -(-ready // size))
        except OUTAGES as error:
            LOG.warning("Reconciling waits: %s", error)
        finally:
            self._reconciling.release()

    def stop(self) -> None:
        self._stopping.set()

    def close(self) -> None:
        with self._opening:
            if self._opened is not None:
                self._opened.heartbeat.close()
                self._opened.pipeline.close()
                self._opened.adapters.close()
                self._opened = None

    def _open(self) -> _Opened:
        with self._opening:
            if self._opened is None:
                self._opened = self._open_now()
            return self._opened

    def _open_now(self) -> _Opened:
        with ExitStack() as opened:
            adapters = open_adapters(self._settings, self._load)
            opened.callback(adapters.close)
            parts = (adapters.catalogue, adapters.originals, adapters.store)
            encoder = adapters.encoder()
            heartbeat = Heartbeat(adapters.catalogue.target, encoder.space.name)
            opened.callback(heartbeat.close)
            pipeline = Pipeline(*parts, encoder, self._settings, self._stopping, self._metrics)
            opened.pop_all()
        return _Opened(adapters, heartbeat, pipeline, Janitor(*parts, self._settings.ranges()))


def _tidy_up(janitor: Janitor, space: Space | None) -> None:
    """Whatever comes in its way: there may be work, of which workers must hear."""
    try:
        janitor.run(space)
    except OUTAGES as error:
        LOG.warning("Tidying up waits: %s", error)
    except Exception:
        LOG.exception("Tidying up failed; it is tried again")
