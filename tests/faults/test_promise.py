"""The promise of two minutes with the intervals that the product comes with, under load all the while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.faults.trial import Trial
from tests.support.installation import PROMISE, installation
from tests.support.qdrant_stand_in import Fault

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

DEFAULTS = dict.fromkeys(("TWINSPACE_LEASE_SECONDS", "TWINSPACE_RECONCILE_SECONDS"), "")


def test_what_a_killed_worker_held_is_indexed_while_others_have_more_than_enough_to_do(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """It must neither wait for the end of the load nor for a second lease."""
    with installation(tmp_path, **DEFAULTS, TEST_ENCODE_SECONDS="0.2") as made:
        made.start(workers=2)
        trial = Trial(made, record_property)
        with trial.uploading(ahead=400):
            trial.upload(400)
            victim = made.workers[0]
            made.wait_for(lambda: bool(made.held_by(victim)))
            trial.inject(victim.kill)
            trial.recovered()
            held = made.held_by(victim)
            assert held
            with made.client(patience=10) as client:
                client.wait(held, seconds=PROMISE)
        trial.recovered()  # What came later had no fault to wait for, only its turn.
        trial.conclude()


def test_a_storm_of_faults(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Whatever dies in whatever order, for half a minute."""
    with installation(tmp_path, redis_keeps=True, stand_in=True) as made:
        made.start(workers=2)
        trial = Trial(made, record_property)
        qdrant = made.stand_in()
        faults: list[Callable[[], object]] = [
            made.api.kill,
            *(worker.kill for worker in made.workers),
            made.beat.kill,
            made.redis.kill,
            made.postgres.kill,
            *(wire.cut for wire in (*made.wires.values(), *made.api_wires.values())),
            partial(setattr, qdrant, "fault", Fault("error")),
            partial(setattr, qdrant, "fault", Fault("hang", seconds=1)),
        ]
        ends = time.monotonic() + 40
        with trial.uploading():
            while time.monotonic() < ends:
                for fault in random.sample(faults, 2):
                    trial.inject(fault)
                time.sleep(random.uniform(0.2, 1))
                made.restore()
                time.sleep(random.uniform(0.2, 2))
            made.make_whole()
        trial.recovered()
        numbers = trial.conclude()
        assert numbers.faults >= 10
