"""A real Celery worker in a process of its own, woken through a real Redis."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from backend.adapters import open_adapters
from backend.catalogue.items import NewCaption
from backend.profile import Services, open_services
from backend.settings import Settings
from tests.support.databases import postgres, redis
from tests.support.encoders import ColourEncoder
from tests.support.ports import free_port
from tests.support.qdrant_stand_in import Fault, QdrantStandIn
from workers.app import QUEUE, make_app, wake_workers
from workers.scheduler import ALIVE, ENOUGH, QuietScheduler, is_alive
from workers.worker import Worker

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60


def load(_: str) -> ColourEncoder:
    return ColourEncoder()


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with redis() as url:
        yield url


@pytest.fixture
def empty_broker(broker: str) -> str:
    with Redis.from_url(broker) as client:
        client.flushall()
    return broker


@pytest.fixture
def qdrant() -> Iterator[QdrantStandIn]:
    stand_in = QdrantStandIn()
    stand_in.start()
    yield stand_in
    stand_in.stop()


@pytest.fixture
def settings(empty_broker: str, qdrant: QdrantStandIn, tmp_path: Path) -> Settings:
    return distributed(tmp_path, empty_broker, qdrant)


def distributed(folder: Path, broker: str, qdrant: QdrantStandIn) -> Settings:
    return Settings(
        data=folder,
        broker_url=broker,
        qdrant_url=qdrant.url,
        database_url=f"sqlite:///{folder / 'catalogue.db'}",
        storage_url=str(folder / "storage"),
        reconcile_seconds=0.5,
    )


@contextmanager
def worker_process(settings: Settings, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    given = settings.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    environment = {f"TWINSPACE_{name.upper()}": str(value) for name, value in given.items()}
    log = settings.data / "worker.log"
    command = [sys.executable, "-m", "celery", "-A", "tests.support.celery_worker", "worker", *options]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=REPOSITORY, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"The worker did not stop:\n{log.read_text()[-3000:]}") from None


def await_indexed(services: Services, ids: list[str], settings: Settings) -> None:
    deadline = time.monotonic() + PATIENCE
    while {item.status for item in services.catalogue.get("anna", ids).values()} != {"indexed"}:
        assert time.monotonic() < deadline, (settings.data / "worker.log").read_text()[-3000:]
        time.sleep(0.05)


def upload(services: Services, *texts: str) -> list[str]:
    added = services.catalogue.add_captions("anna", [NewCaption(text) for text in texts])
    return [each.item.id for each in added]


def test_a_wake_up_makes_a_worker_ingest(settings: Settings) -> None:
    services = open_services(settings, load)
    with worker_process(settings) as worker:
        first = upload(services, "red", "green")
        services.wake()
        await_indexed(services, first, settings)
        space = ColourEncoder().space.name
        assert {point.id for point in services.store.get(space, "caption", first)} == set(first)
        second = upload(services, "blue")
        services.wake()
        await_indexed(services, second, settings)
    assert worker.returncode == 0
    services.close()


def test_the_reconciler_finds_what_nobody_was_woken_for(settings: Settings, tmp_path: Path) -> None:
    with postgres() as url:
        settings = settings.model_copy(update={"database_url": url})
        services = open_services(settings, load)
        ids = upload(services, "red", "green")
        services.catalogue.claims.claim("colour", "died long ago", 1, lease_seconds=0)
        with worker_process(settings, "-B", "-s", str(tmp_path / "beat")):
            await_indexed(services, ids, settings)
            services.catalogue.delete("anna", ids[0])
            deadline = time.monotonic() + PATIENCE
            while services.catalogue.upkeep.tombstones(1):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        services.close()


def queue(url: str) -> list[dict[str, Any]]:
    with Redis.from_url(url) as client:
        return [json.loads(message) for message in client.lrange(QUEUE, 0, -1)]


def test_messages_do_not_pile_up_while_no_worker_takes_them(settings: Settings) -> None:
    services = open_services(settings, load)
    for _ in range(200):
        services.wake()
        time.sleep(0.001)
    services.close()
    assert len(queue(str(settings.broker_url))) == 1
    app = make_app(settings)
    for _ in range(3):
        wake_workers(app, 5)
    messages = queue(str(settings.broker_url))
    assert len(messages) == 5
    assert all(message["content-type"] == "application/json" for message in messages)
    assert max(len(json.dumps(message)) for message in messages) < 2000, "never the picture"


def test_the_reconcilers_messages_do_not_pile_up_either(settings: Settings) -> None:
    app = make_app(settings)
    scheduler = QuietScheduler(app, lazy=True)
    (entry,) = scheduler.merge_inplace(app.conf.beat_schedule) or scheduler.schedule.values()
    for _ in range(3 * ENOUGH):
        scheduler.apply_entry(entry)
    assert len(queue(str(settings.broker_url))) == ENOUGH
    with Redis.from_url(str(settings.broker_url)) as client:
        client.delete(ALIVE)
        scheduler.apply_entry(entry)
        assert is_alive(client), "it is not the beat that is away"
        client.flushall()
    scheduler.apply_entry(entry)
    assert len(queue(str(settings.broker_url))) == 1


def test_beat_says_in_one_line_that_the_broker_is_away(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    app = make_app(settings.model_copy(update={"broker_url": away}))
    scheduler = QuietScheduler(app, lazy=True)
    (entry,) = scheduler.merge_inplace(app.conf.beat_schedule) or scheduler.schedule.values()
    scheduler.apply_entry(entry)
    (record,) = caplog.records
    assert "not reminded" in record.getMessage()
    assert len(record.getMessage()) < 200
    assert not record.exc_info


@pytest.mark.slow
def test_clocks_that_disagree_stop_no_message(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of beat and of the API are a day behind."""
    app = make_app(settings)
    monkeypatch.setattr(app, "now", lambda: datetime.now(UTC) - timedelta(days=1))
    scheduler = QuietScheduler(app, lazy=True)
    (entry,) = scheduler.merge_inplace(app.conf.beat_schedule) or scheduler.schedule.values()
    scheduler.apply_entry(entry)
    wake_workers(app, 1)
    services = open_services(settings, load)
    ids = upload(services, "red")
    with worker_process(settings):
        await_indexed(services, ids, settings)
    services.close()


def test_the_reconciler_wakes_as_many_as_the_backlog_needs(settings: Settings) -> None:
    app = make_app(settings)
    worker = Worker(settings, app, load)
    adapters = open_adapters(settings, load)
    adapters.catalogue.add_captions("anna", [NewCaption(f"text {number}") for number in range(100)])
    worker.reconcile()
    worker.reconcile()
    assert len(queue(str(settings.broker_url))) == 4, "of 32 items each"
    worker.ingest()
    worker.stop()
    worker.close()
    assert adapters.catalogue.counts("anna", ColourEncoder().space.name).captions == 100
    adapters.close()


def test_what_is_indexed_follows_its_item_at_the_next_wake_up(settings: Settings) -> None:
    worker = Worker(settings, make_app(settings), load)
    adapters = open_adapters(settings, load)
    space, catalogue = ColourEncoder().space.name, adapters.catalogue
    (added,) = catalogue.add_captions("anna", [NewCaption("red")])
    worker.reconcile()
    worker.ingest()
    catalogue.add_captions("anna", [NewCaption("red", tags=("new",))])
    worker.ingest()
    (point,) = adapters.store.get(space, "caption", [added.item.id])
    assert point.payload["tags"] == ["new"]
    worker.close()
    adapters.close()


def test_what_tidying_up_stumbles_over_keeps_no_worker_asleep(
    settings: Settings, qdrant: QdrantStandIn
) -> None:
    worker = Worker(settings, make_app(settings), load)
    adapters = open_adapters(settings, load)
    (gone,) = adapters.catalogue.add_captions("anna", [NewCaption("gone")])
    worker.ingest()
    adapters.catalogue.delete("anna", gone.item.id)
    adapters.catalogue.add_captions("anna", [NewCaption("red")])
    qdrant.fault = Fault("error", status=400, path="/points/delete$")
    worker.reconcile()
    assert adapters.catalogue.upkeep.tombstones(1), "that is what it stumbled over"
    assert len(queue(str(settings.broker_url))) == 1
    worker.close()
    adapters.close()


def test_two_installations_by_mistake_on_one_qdrant_leave_each_other_alone(
    settings: Settings, qdrant: QdrantStandIn, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    first, second = settings, distributed(tmp_path / "second", str(settings.broker_url), qdrant)
    for each, text in ((first, "red"), (second, "blue")):
        adapters = open_adapters(each, load)
        adapters.catalogue.add_captions("anna", [NewCaption(text)])
        worker = Worker(each, make_app(each), load)
        worker.ingest()
        worker.reconcile()
        worker.close()
        counts = adapters.catalogue.counts("anna", ColourEncoder().space.name)
        assert (counts.captions, counts.pending) == ((1, 0) if each is first else (0, 1))
        adapters.close()
    left = open_adapters(first, load)
    assert left.store.count(ColourEncoder().space.name, "caption") == 1
    left.close()


def test_a_broker_that_is_away_holds_no_upload_up(qdrant: QdrantStandIn, tmp_path: Path) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    settings = distributed(tmp_path, away, qdrant)
    services = open_services(settings, load)
    started = time.monotonic()
    for text in ("red", "green", "blue"):
        upload(services, text)
        services.wake()
    services.close()
    assert time.monotonic() - started < 10
    adapters = open_adapters(settings, load)
    assert adapters.catalogue.counts("anna", "s").pending == 3
    adapters.close()


def test_a_worker_whose_store_is_away_keeps_running(settings: Settings, qdrant: QdrantStandIn) -> None:
    worker = Worker(settings, make_app(settings), load)
    adapters = open_adapters(settings, load)
    (text,) = adapters.catalogue.add_captions("anna", [NewCaption("red")])
    qdrant.stop()
    worker.ingest()
    worker.reconcile()
    assert adapters.catalogue.get("anna", [text.item.id])[text.item.id].status == "pending"
    qdrant.start()
    deadline = time.monotonic() + PATIENCE
    while not adapters.catalogue.counts("anna", "s").captions:
        assert time.monotonic() < deadline
        worker.ingest()
        time.sleep(0.1)
    worker.close()
    adapters.close()
