"""Tells metrics whether a worker hears the broker: without it a worker looks well and does nothing."""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps
from prometheus_client import CollectorRegistry, Gauge


def watch_connection(app: Celery, registry: CollectorRegistry) -> None:
    connected = Gauge(
        "twinspace_worker_connected", "1 while this worker is connected to the broker.", registry=registry
    )

    class Connected(bootsteps.StartStopStep):  # type: ignore[misc]  # it has no types
        """Celery stops its steps when the connection is lost, and starts them again when it is back."""

        requires = {"celery.worker.consumer.tasks:Tasks"}  # noqa: RUF012 - Celery's way

        def start(self, _consumer: Any) -> None:
            connected.set(1)

        def stop(self, _consumer: Any) -> None:
            connected.set(0)

    app.steps["consumer"].add(Connected)
