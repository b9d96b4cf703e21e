"""`twinspace optimize`: builds the index that makes large collections fast, while no server runs.

It takes minutes and holds the interpreter all that time, so a serving process never does it itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from backend.cli.common import load_settings


def optimize(
    data: Annotated[
        Path, typer.Option(help="Data folder of a server that is stopped.", exists=True, file_okay=False)
    ],
) -> None:
    """Make searching fast after much was indexed (the server must be stopped)."""
