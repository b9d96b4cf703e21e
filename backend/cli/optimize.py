"""`twinspace optimize`: builds the index that makes large collections fast, while no server runs.

It takes minutes and holds the interpreter all that time, so a serving process never does it itself.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.common import load_settings
from backend.errors import ConfigurationError


def optimize(
    data: Annotated[
        Path, typer.Option(help="Data folder of a server that is stopped.", exists=True, file_okay=False)
    ],
) -> None:
    """Build the index for fast searching (stop the server first)."""
    settings = load_settings(data=data)
    if not (data / "vectors").is_dir():
        raise ConfigurationError(f"{data} is no data folder of Twinspace: it has no vectors.")
    from backend.adapters import open_adapters
    from backend.profile import FolderLock

    started = time.monotonic()
    with FolderLock(data):
        adapters = open_adapters(settings)
        try:
            typer.echo(f"Optimising {', '.join(adapters.store.spaces()) or 'nothing'} ...")
            adapters.store.optimize()
        finally:
            adapters.close()
    typer.echo(f"Done in {time.monotonic() - started:.0f} seconds.")
