"""What `worker` and `beat` have in common: the Celery application, its logs, and metrics over HTTP."""

from __future__ import annotations

import logging
import os
from typing import Annotated, Any

import typer

from backend import logs
from backend.cli.common import load_settings
from backend.errors import ConfigurationError

MetricsHost = Annotated[str, typer.Option(help="Address that metrics are served on.")]
MetricsPort = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Serve metrics there [default: nowhere].", show_default=False),
]


def start_celery(arguments: list[str], metrics_host: str, metrics_port: int | None) -> None:
    """Blocks until Celery ends. Raises `ConfigurationError` where there is no broker."""
    if not load_settings().distributed:
        raise ConfigurationError(
            "There is nothing to do without a broker: set TWINSPACE_BROKER_URL, or use `twinspace serve`, "
            "which does the ingest itself."
        )
    if metrics_port is not None:
        serve_metrics(metrics_host, metrics_port)
    from celery import signals
    from celery.apps import worker

    from workers.tasks import app

    configure_logs()
    # Celery would set up handlers of its own. `weak`: nobody else holds the function.
    signals.setup_logging.connect(configure_logs, weak=False)
    worker.safe_say = say
    app.start(arguments)


def serve_metrics(host: str, port: int) -> None:
    from prometheus_client import start_http_server

    try:
        start_http_server(port, host)
    except OSError as error:
        raise ConfigurationError(f"Cannot serve metrics on {host}, port {port}: {error.strerror}.") from error


def configure_logs(**_: Any) -> None:
    logs.configure()


def say(message: str, _stream: object = None) -> None:
    """What Celery says while it handles a signal, as a line of our log: in one write, since whatever the
    signal interrupted may hold locks."""
    record = logging.LogRecord("celery", logging.INFO, "", 0, message, None, None)
    os.write(2, f"{logs.JsonLines().format(record)}\n".encode())
