"""Tells Celery workers that there is work, without making anybody who uploads wait for the broker."""

from __future__ import annotations

import logging
import threading

from celery import Celery

from workers.app import wake_workers

LOG = logging.getLogger("twinspace.ingest")

CLOSE_SECONDS = 1.0


class WakeUps:
    """A thread sends them; however many are asked for while one is on its way, one more follows."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._asked = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._send, name="wake-ups", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._asked.set()

    def close(self) -> None:
        self._closing = True
        self._asked.set()
        self._thread.join(CLOSE_SECONDS)

    def _send(self) -> None:
        while True:
            self._asked.wait()
            if self._closing:
                return
            self._asked.clear()
            try:
                wake_workers(self._app, 1)
            except Exception as error:  # noqa: BLE001 - brokers' clients raise what they like
                # Accepted is accepted: the reconciler wakes the workers when the broker is back.
                LOG.warning("The broker does not take wake-ups: %r", error)
