"""`twinspace serve`: the embedded profile, everything in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.cli.common import load_settings
from backend.memory import calm_blas, tune_malloc


def serve(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of catalogue, pictures and vectors [default: ./data].", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")
    ] = 8000,
) -> None:
    """Serve the API from this machine, with nothing else to install."""
    calm_blas()
    tune_malloc()
    settings = load_settings(data=data)
    from backend.serve import serve as serve_settings

    serve_settings(settings, host, port, typer.echo)
