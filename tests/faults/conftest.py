"""Faults that really happen: processes that are killed, folders that vanish, disks that fill up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.trial import Trial
from tests.support.installation import Installation, installation
from tests.support.qdrant_stand_in import QdrantStandIn
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


@pytest.fixture(scope="module")
def distributed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """API, two workers and the reconciler, which a whole module of trials shares."""
    with installation(tmp_path_factory.mktemp("installation"), redis_keeps=True) as made:
        made.start()
        yield made


@pytest.fixture(scope="module")
def with_stand_in(
    distributed: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One whose Qdrant can be told to fail: the same, unless that has a real one."""
    if isinstance(distributed.qdrant, QdrantStandIn):
        yield distributed
        return
    with installation(tmp_path_factory.mktemp("stand-in"), stand_in=True) as made:
        made.start()
        yield made


@pytest.fixture
def qdrant_trial(with_stand_in: Installation, record_property: Callable[[str, object], None]) -> Trial:
    with_stand_in.make_whole()
    return Trial(with_stand_in, record_property)


@pytest.fixture
def trial(distributed: Installation, record_property: Callable[[str, object], None]) -> Trial:
    """Begins with everything whole."""
    distributed.make_whole()
    return Trial(distributed, record_property)
