"""Pictures that an encoder cannot bear, and pictures that are deleted while they are in work."""

from __future__ import annotations

import pytest

from backend.client import ApiError, Client
from backend.errors import TwinspaceError
from tests.faults.conftest import MakeServer
from tests.support.cli import KILLS, RAISES
from tests.support.pictures import jpeg
from tests.support.server import Server

STARTS = 12


def test_a_picture_that_makes_the_encoder_raise_fails_alone(make_server: MakeServer) -> None:
    server = make_server().start()
    with server.client() as client:
        files = [(f"{n}.jpg", jpeg((n, 0, 0), seed=n)) for n in range(7)]
        ids = [item.id for item in client.upload([*files[:4], ("bad.jpg", jpeg(RAISES)), *files[4:]]).items]
        ended = {item.id: item for item in client.wait(ids, seconds=60)}
    bad = ended.pop(ids[4])
    assert bad.status == "failed"
    assert bad.error is not None
    assert "cyan" in bad.error["detail"]
    assert {item.status for item in ended.values()} == {"indexed"}


@pytest.mark.slow
def test_a_picture_that_kills_the_process_three_times_is_poison(make_server: MakeServer) -> None:
    server = make_server(TEST_ENCODE_SECONDS="0.1").start()
    with server.client(patience=0) as client:
        files = [(f"{n}.jpg", jpeg((n, 0, 0), seed=n)) for n in range(10)]
        ids = [item.id for item in client.upload([*files, ("poison.jpg", jpeg(KILLS))]).items]
    deaths = 0
    while not all_ended(server, ids):
        if server.died(within=0.2):
            deaths += 1
            assert deaths < STARTS, "It dies and dies."
            server.start(wait=False)
    with server.client() as client:
        ended = {item.id: item for item in client.items(ids)}
    poison = ended.pop(ids[-1])
    assert deaths >= 3
    assert poison.status == "failed"
    assert poison.error is not None
    assert poison.error["code"] == "poison"
    assert {item.status for item in ended.values()} == {"indexed"}


def all_ended(server: Server, ids: list[str]) -> bool:
    """False also while nobody is there to be asked."""
    try:
        with server.client(patience=0) as client:
            return all(item.status != "pending" for item in client.items(ids))
    except TwinspaceError:
        return False


def test_what_is_deleted_during_ingest_stays_deleted(make_server: MakeServer) -> None:
    server = make_server(TEST_ENCODE_SECONDS="0.05").start()
    with server.client() as client:
        files = [(f"{n}.jpg", jpeg((2 * n, 0, 0), seed=n)) for n in range(40)]
        ids = [item.id for item in client.upload(files).items]
        gone, kept = ids[::2], ids[1::2]
        for id in gone:
            client.delete(id)
        client.wait(kept, seconds=60)
        assert_gone(client, gone, kept)
    server.kill()
    server.start()
    with server.client() as client:
        assert_gone(client, gone, kept)  # Nor does a restart bring anything back.


def assert_gone(client: Client, gone: list[str], kept: list[str]) -> None:
    assert {hit.id for hit in client.search("red", limit=1000).images} == set(kept)
    assert {item.id for item in client.list_items()} == set(kept)
    with pytest.raises(ApiError, match="no item"):
        client.retry(gone[0])
