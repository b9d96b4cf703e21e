"""`twinspace api`: the HTTP API alone, under gunicorn; workers elsewhere do the ingest."""

from __future__ import annotations

from typing import Annotated

import typer

from backend.cli.common import load_settings
from backend.memory import calm_blas, tune_malloc


def api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Serve the API, with workers elsewhere to do the ingest. Needs Redis, PostgreSQL and Qdrant: see the
    settings."""
    calm_blas()
    tune_malloc()
    settings = load_settings()
    from backend.gunicorn_server import GunicornServer

    GunicornServer(settings, host, port).run()
