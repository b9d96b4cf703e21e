"""Parts of the distributed profile die, hang and come back: what was accepted is indexed, exactly once."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import httpx
import pytest
from celery import Celery

from backend.errors import TwinspaceError
from tests.faults.trial import Trial
from tests.support.cli import KILLS
from tests.support.databases import redis_url
from tests.support.folders import read_only
from tests.support.installation import PROMISE
from tests.support.parts import Part
from tests.support.pictures import jpeg
from tests.support.qdrant_stand_in import Fault
from workers.app import INGEST, QUEUE

SECONDS = 1.5
"""How long a service is away in the quick tier."""
SLOW = pytest.mark.slow


def test_workers_killed_in_mid_batch(trial: Trial) -> None:
    with trial.uploading():
        for worker in trial.it.workers:
            trial.upload(40)
            trial.it.wait_for(lambda worker=worker: bool(trial.it.held_by(worker)))
            trial.inject(worker.kill)
            worker.start()
    trial.recovered()
    trial.conclude()


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_finishes_what_it_encodes_and_gives_back_the_rest(trial: Trial) -> None:
    with trial.uploading():
        for worker in trial.it.workers:
            trial.upload(40)
            trial.it.wait_for(lambda worker=worker: bool(trial.it.held_by(worker)))
            said = len(worker.log)
            trial.inject(worker.stop)
            assert worker.code == 0
            assert all(json.loads(line) for line in worker.log[said:].splitlines()), "also how it ends"
            assert not trial.it.held_by(worker), "nobody has to wait for its lease to run out"
            worker.start()
    trial.recovered()
    trial.conclude()


@SLOW
def test_a_picture_that_kills_workers_is_poison_and_spares_the_others(trial: Trial) -> None:
    """Nobody restarts workers here but the test: in the compose project Docker does."""
    ids = trial.upload(20)
    with trial.it.client() as client:
        (poison,) = [item.id for item in client.upload([("poison.jpg", jpeg(KILLS))]).items]
        deaths = 0
        while any(item.status == "pending" for item in client.items([*ids, poison])):
            for worker in trial.it.workers:
                if not worker.runs:
                    deaths += 1
                    worker.start()
            assert deaths < 12, "they die and die"
            time.sleep(0.2)
        (failed,) = client.items([poison])
        assert failed.error is not None
        assert failed.error["code"] == "poison"
        client.delete(poison)
    assert deaths >= 3
    trial.faults += deaths
    trial.recovered()
    trial.conclude()


@pytest.mark.slow
def test_the_api_killed_in_mid_upload(trial: Trial) -> None:
    with trial.uploading():
        for _ in range(2):
            half = half_an_upload(trial)
            trial.inject(trial.it.api.kill)
            half.close()
            trial.it.api.start()
            trial.it.wait_for_api()
    trial.recovered()
    trial.conclude()


def half_an_upload(trial: Trial) -> socket.socket:
    """A request whose body has begun and never ends."""
    host, port = trial.it.url.removeprefix("http://").split(":")
    head = (
        "POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
    )
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head.encode() + b"\xff\xd8" + bytes(20_000))
    return connection


@pytest.mark.slow
def test_redis_killed_with_its_file(trial: Trial) -> None:
    worker = trial.it.workers[0]
    with trial.uploading():
        trial.upload(40)
        trial.it.wait_for(lambda: connected(worker))
        trial.inject(trial.it.redis.kill)
        trial.upload(8)
        trial.it.wait_for(lambda: not connected(worker))
        trial.it.wait_for(lambda: not hears_broker(trial.it.url))
        trial.it.redis.start()
    trial.recovered()
    trial.it.wait_for(lambda: connected(worker))
    trial.it.wait_for(lambda: hears_broker(trial.it.url))
    trial.conclude()


def hears_broker(api: str) -> bool:
    answer = httpx.get(f"{api}/readyz", timeout=30)
    assert answer.status_code == 200, "without, uploads are accepted all the same"
    return bool(answer.json()["checks"]["broker"]["ok"])


def connected(worker: Part) -> bool:
    """As the worker's health check and the alert see it."""
    try:
        return "twinspace_worker_connected 1.0" in httpx.get(f"{worker.url}/metrics").text
    except httpx.TransportError:
        return False  # It is still starting.


@contextmanager
def nobody_works(trial: Trial) -> Iterator[None]:
    """What is uploaded meanwhile is known to nobody but the catalogue once Redis has lost its messages: no
    later upload wakes anybody either."""
    for worker in trial.it.workers:
        worker.stop()
    trial.upload(40)
    time.sleep(0.5)  # By then the API has said to Redis what it has to say.
    yield
    for worker in trial.it.workers:
        worker.start()


@SLOW
def test_redis_killed_and_its_file_lost(trial: Trial) -> None:
    with nobody_works(trial):
        trial.it.redis.lose_files()
        trial.inject(trial.it.redis.kill)
        trial.it.redis.start()
    trial.recovered()
    trial.conclude()


@pytest.mark.slow
def test_redis_flushed(trial: Trial) -> None:
    with trial.uploading(), trial.it.broker() as redis:
        for _ in range(3):
            trial.upload(40)
            trial.inject(redis.flushall)
    with nobody_works(trial), trial.it.broker() as redis:
        trial.inject(redis.flushall)
    trial.recovered()
    trial.conclude()


@pytest.mark.slow
def test_postgresql_killed_and_started_again(trial: Trial) -> None:
    with trial.uploading():
        trial.upload(40)
        trial.inject(trial.it.postgres.kill)
        time.sleep(SECONDS)
        with pytest.raises(TwinspaceError):
            trial.upload(1)
        trial.it.postgres.start()
    trial.recovered()
    trial.conclude()


@pytest.mark.parametrize(
    "kind", ["error", *(pytest.param(kind, marks=SLOW) for kind in ("hang", "drop_after", "garbage"))]
)
def test_qdrant_answers_nothing_good(qdrant_trial: Trial, kind: str) -> None:
    qdrant = qdrant_trial.it.stand_in()
    with qdrant_trial.uploading():
        qdrant_trial.inject(partial(setattr, qdrant, "fault", Fault(kind)))
        qdrant_trial.upload(20)
        time.sleep(SECONDS)
        qdrant.fault = None
    qdrant_trial.recovered()
    qdrant_trial.conclude()


@SLOW
@pytest.mark.parametrize("seconds", [SECONDS, 30])
def test_qdrant_refuses_connections(qdrant_trial: Trial, seconds: float) -> None:
    qdrant = qdrant_trial.it.stand_in()
    with qdrant_trial.uploading():
        qdrant_trial.inject(qdrant.stop)
        qdrant_trial.upload(20)
        time.sleep(seconds)
        qdrant.start()
    qdrant_trial.recovered()
    qdrant_trial.conclude()


@pytest.mark.slow
def test_storage_is_read_only_for_a_while(trial: Trial) -> None:
    with trial.uploading():
        trial.upload(40)
        with read_only(trial.it.storage):
            trial.faults += 1
            with pytest.raises(TwinspaceError, match="storage"):
                trial.upload(1)
            time.sleep(SECONDS)
    trial.recovered()
    trial.conclude()


@pytest.mark.parametrize(
    ("service", "seconds"),
    [
        ("redis", SECONDS),
        *(pytest.param(service, 15, marks=SLOW) for service in ("postgres", "redis", "qdrant")),
    ],
)
def test_the_wire_between_workers_and_a_service_is_cut(trial: Trial, service: str, seconds: float) -> None:
    wire = trial.it.wires[service]
    with trial.uploading():
        trial.upload(20)
        trial.inject(wire.cut)
        trial.upload(20)
        time.sleep(seconds)
        wire.heal()
    trial.recovered()
    trial.conclude()


@SLOW
@pytest.mark.parametrize("service", ["postgres", "redis", "qdrant"])
def test_the_wire_is_there_and_nothing_comes_through(trial: Trial, service: str) -> None:
    """For longer than a call to that service may take."""
    wire = trial.it.wires[service]
    with trial.uploading():
        trial.upload(20)
        trial.inject(wire.stall)
        time.sleep(8)
        wire.heal()
    trial.recovered()
    trial.conclude()


@pytest.mark.parametrize(
    "service", ["postgres", *(pytest.param(each, marks=SLOW) for each in ("redis", "qdrant"))]
)
def test_the_wire_between_the_api_and_a_service_is_cut(trial: Trial, service: str) -> None:
    wire = trial.it.api_wires[service]
    with trial.uploading():
        trial.upload(20)
        trial.inject(wire.cut)
        if service == "postgres":
            with pytest.raises(TwinspaceError, match="database"):
                trial.upload(1)
        else:
            trial.upload(20)
        time.sleep(SECONDS)
        wire.heal()
    trial.recovered()
    trial.conclude()


@SLOW
def test_all_points_lost(trial: Trial) -> None:
    """A look at whether points are missing is due once a minute."""
    with trial.uploading():
        trial.upload(40)
        trial.it.wait_for(lambda: len(trial.it.points()) >= 40)
        trial.inject(trial.it.lose_points)
        trial.upload(20)
    trial.recovered()
    trial.it.wait_for(lambda: trial.accepted <= set(trial.it.points()), PROMISE)
    trial.conclude()


def test_messages_delivered_twice(trial: Trial) -> None:
    app = Celery(broker=redis_url(trial.it.redis.port))
    with trial.uploading():
        for number in range(20):
            trial.upload(4)
            for _ in range(3):
                send = partial(app.send_task, INGEST, task_id=f"the-same-{number}", queue=QUEUE)
                trial.inject(send)
    trial.recovered()
    numbers = trial.conclude()
    assert numbers.accepted > 80
