"""A worker that is slow keeps what it has in work, and one that hangs does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.conftest import World
from workers import leases

LEASE = 0.2


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[World]:
    """Leases run out soon."""
    opened = World(tmp_path, lease_seconds=LEASE)
    yield opened
    opened.close()


def others_get_something(world: World) -> bool:
    return bool(world.catalogue.claims.claim(world.space, "another", 10, 60))


def in_mid_batch(world: World) -> list[bool]:
    """Whether others got something while this one took five times as long as its lease."""
    got: list[bool] = []

    def take_long() -> None:
        time.sleep(5 * LEASE)
        got.append(others_get_something(world))

    world.encoder.during = take_long
    world.upload_pictures(3)
    world.pipeline.run()
    return got


def test_leases_are_kept_however_long_a_forward_pass_takes(hasty: World) -> None:
    assert in_mid_batch(hasty) == [False]


def test_a_worker_that_hangs_gives_up_what_it_has(hasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "STUCK_SECONDS", LEASE)
    assert in_mid_batch(hasty) == [True]


def test_nothing_is_kept_once_the_work_is_given_back(hasty: World, outage: Exception) -> None:
    item = hasty.caption("red")
    hasty.store.down = outage
    hasty.pipeline.run()
    time.sleep(2 * LEASE)
    assert others_get_something(hasty)
    assert hasty.status(item) == ["pending"]
