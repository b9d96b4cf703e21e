"""What Celery runs: `celery -A workers.tasks worker`, `celery -A workers.tasks beat`.

A pool of threads knows no time limits: every call that could hang has a timeout of its own instead.
"""

from __future__ import annotations

from typing import Any

from celery import signals
from prometheus_client import REGISTRY

from backend.settings import Settings
from workers.app import INGEST, RECONCILE, make_app
from workers.connection import watch_connection
from workers.metrics import IngestMetrics
from workers.worker import Worker

settings = Settings()  # type: ignore[call-arg]  # the environment has the arguments
app = make_app(settings)
worker = Worker(settings, app, metrics=IngestMetrics(REGISTRY))
watch_connection(app, REGISTRY)


def ingest() -> None:
    worker.ingest()


def reconcile() -> None:
    worker.reconcile()


def stop(**_: Any) -> None:
    """Celery waits for the tasks that run; this makes them short."""
    worker.stop()


def close(**_: Any) -> None:
    worker.close()


app.task(ingest, name=INGEST)
app.task(reconcile, name=RECONCILE)
signals.worker_shutting_down.connect(stop)
signals.worker_shutdown.connect(close)
