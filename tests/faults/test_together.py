"""The parts of the distributed profile as one system: a request's id, their metrics, and one more replica."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.cli import run, uploading
from tests.faults.trial import Trial
from tests.support.encoders import ColourEncoder
from tests.support.installation import QUICK, Installation, installation
from tests.support.parts import Part
from tests.support.pictures import jpeg


def test_one_request_id_from_the_edge_to_the_worker(distributed: Installation) -> None:
    given = "a-request-of-its-own"
    answer = httpx.post(
        f"{distributed.url}/v1/images",
        files={"file": ("x.jpg", jpeg(seed=9999))},
        headers={"X-Request-ID": given},
        timeout=30,
    )
    assert answer.headers["X-Request-ID"] == given
    with distributed.client() as client:
        client.wait([item["id"] for item in answer.json()["items"]], seconds=60)
    (at_the_edge,) = [line for line in distributed.api.lines if line.get("request_id") == given]
    assert (at_the_edge["path"], at_the_edge["status"]) == ("/v1/images", 202)

    def in_workers() -> list[dict[str, Any]]:
        lines = [line for worker in distributed.workers for line in worker.lines]
        return [line for line in lines if given in line.get("request_ids", ())]

    distributed.wait_for(lambda: bool(in_workers()))
    (batch,) = in_workers()
    assert batch["message"].startswith("Finished")


def test_workers_serve_what_they_measure(trial: Trial) -> None:
    with trial.it.client() as client:
        client.wait(trial.upload(8), seconds=60)
    served = "".join(httpx.get(f"{worker.url}/metrics").text for worker in trial.it.workers)
    for name in ("encode_seconds_count", "batch_size_sum", "store_seconds_count", "wait_seconds_count"):
        assert f'twinspace_ingest_{name}{{kind="image"}}' in served
    assert 'twinspace_ingest_items_total{outcome="indexed"}' in served


@pytest.mark.slow
def test_the_import_of_a_folder_does_not_delay_a_single_upload(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no request of the import looks like one: large pictures go a few at a time."""
    for worker in trial.it.workers:
        worker.stop()
    monkeypatch.setattr(uploading, "BATCH_BYTES", 1)
    for number in range(50):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg((number, 200, 90), seed=number))
    captions = tmp_path / "captions.csv"
    captions.write_text("image,caption\n" + "".join(f"{n}.jpg,picture {n}\n" for n in range(50)))
    command = ["index", str(tmp_path), "--captions", str(captions), "--no-wait", "--url", trial.it.url]
    assert run(command) == 0
    single, *_ = trial.upload(1)
    with trial.it.client() as client:
        waiting = [item.id for item in client.list_items(status="pending")]
        trial.it.workers[0].start()
        times = {item.id: item.indexed_at or "" for item in client.wait(waiting, seconds=60)}
    assert len(times) > 100
    assert times[single] == min(times.values())


QUERIES: list[dict[str, Any]] = [
    {"query": "red"},
    {"query": [{"text": "green"}, {"text": "red", "weight": -0.5}], "limit": 7},
    {"query": "red 3", "return": ["captions"], "limit": 1000},
]


def test_one_more_replica_never_changes_an_answer(trial: Trial) -> None:
    for _ in range(6):
        trial.upload(1)
    trial.upload(20)
    trial.conclude()
    second = trial.it.replica("api-2")
    second.start()
    try:
        trial.it.wait_for_api(second.url)
        urls = [trial.it.url, second.url] * 8
        for query in QUERIES:
            with ThreadPoolExecutor(8) as threads:
                answers = list(threads.map(lambda url, query=query: search(url, query), urls))
            for each in answers:
                each["next_cursor"] = bool(each["next_cursor"])  # It says when the first page was asked for.
            assert answers[0]["images"] + answers[0]["captions"]
            assert all(answer == answers[0] for answer in answers)
        one, other = (walk(urls[first:][:15]) for first in (0, 1))
        assert len(one) > 10
        assert one == other, "a page from one replica, the next from the other"
    finally:
        second.kill()


@pytest.mark.slow
def test_redis_grows_with_nothing_that_is_uploaded(tmp_path: Path) -> None:
    """Nobody takes messages, and both API and reconciler send them all the while."""
    with installation(tmp_path, TWINSPACE_RECONCILE_SECONDS="0.05") as made, made.broker() as redis:
        made.start(workers=0)
        used = []
        for first, last in ((0, 500), (500, 3000)):
            with made.client(patience=60) as client, ThreadPoolExecutor(4) as threads:
                list(threads.map(lambda n: client.add_captions([{"text": f"{n} red"}]), range(first, last)))
            used.append(redis.info("memory")["used_memory"])
        assert made.pending() == 3000
        assert used[1] - used[0] < 100 * 1024, "as much as 2,500 messages of 40 bytes"


@pytest.mark.slow
def test_a_rolling_upgrade_of_the_encoder_moves_everything_once(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with installation(tmp_path) as made:
        made.start(workers=2)
        trial = Trial(made, record_property)
        with trial.uploading():
            made.wait_for(lambda: len(trial.accepted) > 40)
            newer = made.worker(TEST_ENCODER="colour:2")
            newer.start()
            made.wait_for(lambda: any("stands by" in old.log for old in made.workers[:2]))
        new = ColourEncoder("2").space.name
        made.wait_for(lambda: made.spaces() == {new})
        moved = finished(newer)
        time.sleep(20 * float(QUICK["TWINSPACE_RECONCILE_SECONDS"]))
        assert finished(newer) == moved, "nothing goes in circles"
        assert made.spaces() == {new}
        assert made.pending() == 0


def finished(worker: Part) -> int:
    messages = [line["message"] for line in worker.lines]
    return sum(int(each.split()[1]) for each in messages if each.startswith("Finished "))


def search(url: str, query: dict[str, Any]) -> dict[str, Any]:
    """The answer, without what differs from request to request anyhow."""
    answer = httpx.post(f"{url}/v1/search", json=query, timeout=30)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = {"images": [], "captions": [], **answer.json()}
    del document["took_ms"]
    return document


def walk(urls: list[str]) -> list[str]:
    """Page by page, each from the next address."""
    found: list[str] = []
    cursor = None
    for url in urls:
        page = search(url, {"query": "red", "limit": 5, "cursor": cursor})
        found += [hit["id"] for hit in page["images"] + page["captions"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found
