"""`kill -9` at any moment: every upload that got its 202 becomes indexed, exactly once, by itself."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from backend.client import Client
from backend.errors import TwinspaceError
from tests.faults.conftest import MakeServer
from tests.support.pictures import jpeg
from tests.support.server import Server

UPLOADERS = 3


class Uploading:
    """Threads that upload new pictures and captions until the server is gone, and know what was accepted."""

    def __init__(self, url: str, numbers: Iterator[int]) -> None:
        self.accepted: set[str] = set()
        self._url = url
        self._numbers = numbers
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._upload) for _ in range(UPLOADERS)]
        for thread in self._threads:
            thread.start()

    def _upload(self) -> None:
        with Client(self._url, patience=0) as client:
            while True:
                with self._lock:
                    number = next(self._numbers)
                colour = (number % 256, number // 256 % 256, 90)
                try:
                    answer = client.upload([(f"{number}.jpg", jpeg(colour, seed=number))], [f"red {number}"])
                except TwinspaceError:
                    return
                with self._lock:
                    self.accepted.update(item.id for item in answer.items)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)


def everything(client: Client) -> set[str]:
    """All ids that a search can reach, each of which has to be there once."""
    found: list[str] = []
    for page in client.pages("red", limit=1000):
        found += [hit.id for hit in page.images + page.captions]
    assert len(found) == len(set(found))
    return set(found)


def searches_meanwhile(server: Server) -> None:
    answer = httpx.get(f"{server.url}/v1/search", params={"q": "red"}, timeout=30)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_what_was_accepted_is_indexed_exactly_once(make_server: MakeServer, rounds: int) -> None:
    server = make_server(TEST_ENCODE_SECONDS="0.05").start()
    numbers = itertools.count()
    accepted: set[str] = set()
    for _ in range(rounds):
        uploading = Uploading(server.url, numbers)
        time.sleep(random.uniform(0.1, 1.0))
        server.kill()
        uploading.join()
        accepted |= uploading.accepted
        server.start()
        searches_meanwhile(server)
    with server.client() as client:
        items = client.wait([item.id for item in client.list_items()], seconds=120)
        searches_meanwhile(server)
        assert {item.status for item in items} == {"indexed"}
        ids = {item.id for item in items}
        assert accepted
        assert accepted <= ids
        assert everything(client) == ids
        stats = client.stats()
        assert stats["images"] + stats["captions"] == len(ids)
        assert stats["failed"] == stats["pending"] == 0


@pytest.mark.slow
def test_a_kill_after_kill_at_start_loses_nothing(make_server: MakeServer) -> None:
    """Before it is ready the server takes up old work: killed there, it must not have lost its place."""
    server = make_server(TEST_ENCODE_SECONDS="0.03").start()
    with server.client() as client:
        ids = [i.id for i in client.upload([(f"{n}.jpg", jpeg((n, 0, 0), seed=n)) for n in range(40)]).items]
    for _ in range(3):
        server.kill()
        server.start(wait=False)
    server.wait_until_ready()
    with server.client() as client:
        assert {item.status for item in client.wait(ids, seconds=60)} == {"indexed"}
        assert everything(client) == set(ids)
