"""Faults that really happen: processes that are killed, folders that vanish, disks that fill up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.server import Server

MakeServer = Callable[..., Server]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Servers over one data folder, started by the test; what still runs at its end is killed."""
    made: list[Server] = []

    def make(encoder: str = "colour", data: Path = tmp_path / "data", **settings: object) -> Server:
        # What is left undone is looked for more often than by default, so that tests need not wait.
        made.append(Server(data, encoder, **{"reconcile_seconds": 1, **settings}))
        return made[-1]

    yield make
    for server in made:
        server.kill_if_running()
