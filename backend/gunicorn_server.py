"""The API as a replica of the distributed profile: gunicorn with one process of many threads.

One process, because a process is what holds the model: more of them are more containers, which a load
balancer and an orchestrator can see. Nothing is opened before the fork: neither torch's threads nor
connections survive it.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http import message

from backend import logs
from backend.errors import TwinspaceError
from backend.serve import bind
from backend.settings import Settings

LOG = logging.getLogger("twinspace.serve")

LONGEST_REQUEST_LINE = 64 * 1024
"""`GET /v1/items?ids=` names up to 1,000 ids."""
DRAIN_SECONDS = 30
SILENT_SECONDS = 60
"""A process whose main thread gives no sign of life for so long is replaced."""
KEEP_ALIVE_SECONDS = 75
"""Longer than load balancers keep a connection open, or they would now and then meet a closed one."""


class GunicornServer(BaseApplication):  # type: ignore[misc]
    """`run` never returns: it ends the process when gunicorn ends. Raises `ConfigurationError` where it
    must not or cannot listen."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self._settings = settings
        self._socket = bind(settings, host, port)
        self._close: list[Callable[[], None]] = []
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": [f"fd://{self._socket.fileno()}"],
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.http_threads,
            "preload_app": False,
            "timeout": SILENT_SECONDS,
            "graceful_timeout": DRAIN_SECONDS,
            "keepalive": KEEP_ALIVE_SECONDS,
            "limit_request_line": LONGEST_REQUEST_LINE,
            "logger_class": _JsonLogger,
            "control_socket_disable": True,
            "worker_exit": lambda _server, worker: worker.app.close(),
            "proc_name": "twinspace-api",
        }
        # gunicorn caps the setting of this name at 8190.
        message.MAX_REQUEST_LINE = LONGEST_REQUEST_LINE
        for name, value in options.items():
            self.cfg.set(name, value)

    def run(self) -> None:
        logs.configure()
        Arbiter(self).run()

    def load(self) -> Any:
        """In the process that serves. What cannot start ends gunicorn, which the orchestrator sees."""
        from backend.api import create_app
        from backend.profile import open_services

        try:
            services = open_services(self._settings)
        except TwinspaceError as error:
            LOG.error("The API cannot start: %s", error.detail)
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
        self._close = [services.close]
        # Uploads need no model, so nobody waits for it here; `/readyz` says when it is there, or why not.
        threading.Thread(target=_load_encoder, args=(services.encoder,), daemon=True).start()
        app = create_app(services)
        self._close.insert(0, app.extensions["twinspace"].close)
        return app

    def close(self) -> None:
        """After the last request of a process that ends."""
        for close in self._close:
            close()


class _JsonLogger(Logger):  # type: ignore[misc]
    """gunicorn's few lines go where ours go; a line for each request is ours already."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def _load_encoder(encoder: Any) -> None:
    try:
        space = encoder().space
    except Exception:
        # In a thread of its own nobody would hear of it; the next query tries again.
        LOG.exception("The encoder cannot be loaded")
    else:
        LOG.info("Encoder %s is loaded", space.name)
