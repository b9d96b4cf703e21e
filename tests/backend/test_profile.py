from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.adapters import open_adapters
from backend.api import create_app
from backend.catalogue.items import Item, NewCaption, NewImage, image_id
from backend.errors import ConfigurationError
from backend.profile import Services, open_services
from backend.settings import Settings
from backend.store import lexical
from backend.store.base import Filter, Query, Range
from encoders.base import Encoder, EncoderError, Vectors
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg

TENANT = "anna"
PATIENCE = 60
REPOSITORY = Path(__file__).parents[2]


def open_in(folder: Path, encoder: ColourEncoder | None = None, **options: Any) -> Services:
    settings = Settings(data=folder, **{"reconcile_seconds": 0.2, **options})
    return open_services(settings, lambda _: encoder or ColourEncoder())


def upload(services: Services, seed: int) -> Item:
    data = jpeg(seed=seed)
    digest = hashlib.sha256(data).hexdigest()
    key = services.originals.put(image_id(TENANT, digest), data, "jpg")
    new = NewImage(digest, key, "x.jpg", "image/jpeg", 64, 48)
    return services.catalogue.add_images(TENANT, [new])[0].item


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


def all_in_space(services: Services, number: int) -> Callable[[], bool]:
    return lambda: services.catalogue.counts(TENANT, services.encoder().space.name).in_space == number


def points(services: Services) -> int:
    space = services.encoder().space.name
    return services.store.count(space, "image") + services.store.count(space, "caption")


def test_uploads_are_ingested_and_deletions_finished(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    items = [upload(services, seed) for seed in range(3)]
    services.catalogue.add_captions(TENANT, [NewCaption("red", items[0].id)])
    services.wake()
    eventually(all_in_space(services, 4))
    assert points(services) == 4
    assert services.originals.get_thumbnail(items[0].id)[8:12] == b"WEBP"
    services.catalogue.delete(TENANT, items[0].id)
    services.wake()
    eventually(lambda: not services.catalogue.upkeep.tombstones(1))
    assert points(services) == 2
    services.close()


def test_metrics_of_the_ingest_and_its_queues_are_served_by_the_only_process(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    upload(services, 1)
    services.wake()
    eventually(all_in_space(services, 1))
    app = create_app(services)
    eventually(lambda: 'ingest_items_total{outcome="indexed"} 1.0' in app.test_client().get("/metrics").text)
    served = app.test_client().get("/metrics").text
    for name in ("ingest_encode_seconds_count", "ingest_store_seconds_count", "ingest_wait_seconds_count"):
        assert f'twinspace_{name}{{kind="image"}} 1.0' in served
    assert 'twinspace_oldest_pending_seconds{queue="alone"} 0.0' in served
    assert "# TYPE twinspace_failed_items gauge" in served
    app.extensions["twinspace"].close()
    services.close()


def settled(services: Services, folder: Path) -> Services:
    """Once its vectors have their folders, which take long on a busy disk: closed before that, it would not
    wait for them, and keep the lock until the process ends."""
    captions = folder / "vectors" / f"captions-{services.encoder().space.name}"
    eventually(captions.is_dir)
    return services


def found_by(services: Services, words: str) -> set[str]:
    space, question = services.encoder().space.name, Query(lexical.query(words), 10, Filter(TENANT))
    return {hit.id for hit in services.store.query(space, "image", question)}


def test_pictures_are_found_by_the_captions_they_have_now_without_waiting_for_a_tour(tmp_path: Path) -> None:
    services = open_in(tmp_path, reconcile_seconds=3600)
    first, second = upload(services, 1), upload(services, 2)
    services.catalogue.add_captions(TENANT, [NewCaption("a red wall", first.id)])
    services.wake()
    eventually(lambda: found_by(services, "wall") == {first.id})
    added = services.catalogue.add_captions(TENANT, [NewCaption("a green wall", second.id)])
    services.wake()
    eventually(lambda: found_by(services, "wall") == {first.id, second.id})
    services.catalogue.delete(TENANT, added[0].item.id)
    services.wake()
    eventually(lambda: found_by(services, "wall") == {first.id})
    services.close()


def test_range_fields_that_are_declared_later_hold_for_what_is_there(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    dear = services.catalogue.add_captions(TENANT, [NewCaption("dear", metadata={"price": 100})])[0].item
    services.catalogue.add_captions(TENANT, [NewCaption("cheap", metadata={"price": 1}), NewCaption("free")])
    services.wake()
    eventually(all_in_space(services, 3))
    services.close()
    services = open_in(tmp_path, range_fields="price:number")
    wanted, space = Filter(TENANT, ranges=(Range("price", gt=50),)), services.encoder().space.name
    eventually(lambda: services.store.count(space, "caption", wanted) == 1)
    (point,) = services.store.get(space, "caption", [dear.id])
    assert point.payload["ranges"] == {"price": [100]}
    assert services.store.count(space, "caption", replace(wanted, ranges=())) == 3
    services.close()


def test_a_start_resumes_what_the_last_process_left(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    settled(services, tmp_path).close()
    settings = Settings(data=tmp_path)
    adapters = open_adapters(settings)
    added = adapters.catalogue.add_captions(TENANT, [NewCaption(text) for text in ("red", "green", "blue")])
    adapters.catalogue.claims.claim(ColourEncoder().space.name, "killed", 2, lease_seconds=10_000)
    adapters.close()
    services = open_in(tmp_path)
    eventually(all_in_space(services, len(added)))
    services.close()


def test_everything_comes_back_after_the_folder_of_vectors_is_deleted(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    items = [upload(services, seed) for seed in range(3)]
    services.wake()
    eventually(all_in_space(services, 3))
    services.close()
    shutil.rmtree(tmp_path / "vectors")
    services = open_in(tmp_path)
    listed = services.catalogue.get(TENANT, [item.id for item in items])
    assert [item.status for item in listed.values()] == ["indexed"] * 3
    eventually(lambda: points(services) == 3)
    services.close()


def test_a_new_encoder_takes_over_in_the_background(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    items = [upload(services, seed) for seed in range(3)]
    services.wake()
    eventually(all_in_space(services, 3))
    services.close()
    services = open_in(tmp_path, ColourEncoder("2"))
    assert len(services.catalogue.get(TENANT, [item.id for item in items])) == 3
    eventually(all_in_space(services, 3))
    assert points(services) == 3
    services.close()


def test_a_second_process_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    services = open_in(tmp_path)
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()}"):
        open_in(tmp_path)
    settled(services, tmp_path).close()
    open_in(tmp_path).close()


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from backend.profile import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1])); lock.__enter__(); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(ConfigurationError, match=f"process {process.pid}"):
        open_in(tmp_path)
    process.kill()
    process.wait()
    process.stdout.close()
    open_in(tmp_path).close()


def test_a_data_folder_that_cannot_be_used_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(ConfigurationError, match="data"):
        open_in(tmp_path / "data")


def test_what_fails_to_open_leaves_the_folder_free(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").mkdir()
    for _ in range(2):
        with pytest.raises(Exception, match="database"):
            open_in(tmp_path)
    (tmp_path / "catalogue.db").rmdir()
    open_in(tmp_path).close()


def test_uploads_wait_for_an_encoder_that_cannot_be_loaded_yet(tmp_path: Path) -> None:
    attempts: list[str] = []

    def load(name: str) -> Encoder:
        attempts.append(name)
        if len(attempts) < 3:
            raise EncoderError("The weights are not there.")
        return ColourEncoder()

    services = open_services(Settings(data=tmp_path, reconcile_seconds=0.1), load)
    items = services.catalogue.add_captions(TENANT, [NewCaption("red"), NewCaption("green")])
    services.catalogue.delete(TENANT, items[0].item.id)
    eventually(lambda: len(attempts) > 2)
    eventually(all_in_space(services, 1))
    services.close()


def test_the_encoder_is_loaded_once_whoever_asks(tmp_path: Path) -> None:
    loads: list[int] = []

    def load(_: str) -> Encoder:
        loads.append(1)
        time.sleep(0.1)
        return ColourEncoder()

    services = open_services(Settings(data=tmp_path), load)
    found: list[Encoder] = []
    threads = [threading.Thread(target=lambda: found.append(services.encoder())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert len({id(encoder) for encoder in found}) == 1
    services.close()


class SlowEncoder(ColourEncoder):
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        time.sleep(0.3)
        return super().encode_texts(texts)


def test_closing_during_ingest_leaves_whole_items(tmp_path: Path) -> None:
    services = open_in(tmp_path, SlowEncoder())
    services.catalogue.add_captions(TENANT, [NewCaption(f"text {number}") for number in range(200)])
    services.wake()
    eventually(lambda: services.catalogue.counts(TENANT, "s").captions > 0)
    services.close()
    services = open_in(tmp_path)
    counts = services.catalogue.counts(TENANT, services.encoder().space.name)
    assert counts.captions > 0
    eventually(all_in_space(services, 200))
    assert points(services) == 200
    services.close()
