"""Wires one profile together: settings decide the adapters, everything else is the same code.

The only module that imports `workers`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry

from backend.adapters import Adapters, open_adapters
from backend.backlog_metrics import BacklogMetrics
from backend.catalogue.catalogue import Catalogue
from backend.errors import ConfigurationError
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.base import Encoder
from encoders.loading import load_encoder
from workers.metrics import IngestMetrics
from workers.runner import EmbeddedRunner

Load = Callable[[str], Encoder]


@dataclass
class Services:
    """What the API needs. `wake` tells whoever ingests that there is work; it never raises or blocks."""

    settings: Settings
    catalogue: Catalogue
    originals: Originals
    store: VectorStore
    encoder: Callable[[], Encoder]
    """Loaded at the first call, the same object ever after."""
    wake: Callable[[], None]
    close: Callable[[], None]
    """Stops background work (finishing its batch), then closes store and catalogue."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    """Of what this process measures, beside HTTP."""
    check_broker: Callable[[], None] | None = None
    """Raises unless the broker answers; None where there is none."""


def open_embedded(settings: Settings, load: Load = load_encoder) -> Services:
    """Locks the data folder (a second process is refused with `ConfigurationError`), opens catalogue,
    originals and store, starts the embedded runner and janitor in threads."""
    with ExitStack() as opened:
        opened.enter_context(FolderLock(settings.data))
        adapters = open_adapters(settings, load)
        opened.callback(adapters.close)
        registry = CollectorRegistry()
        backlog = BacklogMetrics(settings)
        opened.callback(backlog.close)
        registry.register(backlog)
        parts = (adapters.catalogue, adapters.originals, adapters.store, adapters.encoder)
        runner = EmbeddedRunner(*parts, settings, IngestMetrics(registry))
        runner.start()
        keep = opened.pop_all()

    def close() -> None:
        if runner.stop():
            keep.close()
        # Otherwise a batch is still being written: better to let the process end than to close
        # the store under it. All it leaves is leases, which the next start takes over.

    return _services(settings, adapters, runner.wake, close, registry)


def open_distributed(settings: Settings, load: Load = load_encoder) -> Services:
    """For API processes: Celery workers do the ingest."""
    from workers.app import check_broker, make_app
    from workers.wakeups import WakeUps

    adapters = open_adapters(settings, load)
    app = make_app(settings)
    wake_ups = WakeUps(app)

    def close() -> None:
        wake_ups.close()
        adapters.close()

    services = _services(settings, adapters, wake_ups.wake, close, CollectorRegistry())
    return replace(services, check_broker=partial(check_broker, app))


def open_services(settings: Settings, load: Load = load_encoder) -> Services:
    """Embedded, or distributed where a broker is set."""
    return open_distributed(settings, load) if settings.broker_url else open_embedded(settings, load)


def _services(
    settings: Settings,
    adapters: Adapters,
    wake: Callable[[], None],
    close: Callable[[], None],
    registry: CollectorRegistry,
) -> Services:
    parts = (adapters.catalogue, adapters.originals, adapters.store, adapters.encoder)
    return Services(settings, *parts, wake, close, registry)


class FolderLock:
    """Held by the process that serves a data folder; the system lets go of it however that process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise ConfigurationError(f"The data folder {self._folder} cannot be used: {error}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.read(self._file, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise ConfigurationError(
                f"The data folder {self._folder} is in use by process {pid}; stop it or choose another."
            ) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
