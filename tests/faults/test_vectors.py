"""Points are a projection of the catalogue: lost, or of another encoder, they are made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from tests.faults.conftest import MakeServer
from tests.support.pictures import jpeg
from tests.support.server import Server

PICTURES = 24


def fill(server: Server) -> list[str]:
    with server.client() as client:
        answer = client.upload([(f"{n}.jpg", jpeg((9 * n, 0, 255 - 9 * n), seed=n)) for n in range(PICTURES)])
        ids = [item.id for item in answer.items]
        captions = client.add_captions([{"text": f"red {n}", "image_id": ids[n]} for n in range(PICTURES)])
        ids += [item.id for item in captions.items]
        client.wait(ids, seconds=60)
    return ids


def is_whole(server: Server, ids: list[str]) -> bool:
    with server.client() as client:
        answer = client.search_json("red", limit=1000)
        found = [hit["id"] for hit in answer["images"] + answer["captions"]]
        assert len(found) == len(set(found))
        return set(found) == set(ids) and answer["indexing"] is None


@pytest.mark.slow
def test_the_folder_of_vectors_comes_back(make_server: MakeServer) -> None:
    server = make_server().start()
    ids = fill(server)
    assert server.stop() == 0
    shutil.rmtree(server.data / "vectors")
    server.start()
    with server.client() as client:
        assert {item.id for item in client.list_items()} == set(ids)
    server.wait_for(lambda: is_whole(server, ids))


def test_damaged_vectors_are_made_anew_while_searches_are_answered(make_server: MakeServer) -> None:
    server = make_server().start()
    ids = fill(server)
    assert server.stop() == 0
    for path in (server.data / "vectors").rglob("segment.json"):
        path.write_bytes(b"no JSON")
    server = make_server(TEST_ENCODE_SECONDS="0.3").start()
    with server.client() as client:
        assert len(client.search_json("red", limit=1000)["images"]) < PICTURES
        client.patch(ids[1], tags=["changed"])
        client.delete(ids[0])
        left = {item.id for item in client.list_items()}
    assert len(left) == len(ids) - 2
    server.wait_for(lambda: is_whole(server, sorted(left)))


def test_another_encoder_takes_over_in_the_background(make_server: MakeServer) -> None:
    old = make_server("colour:1").start()
    ids = fill(old)
    assert old.stop() == 0
    new = make_server("colour:2", TEST_ENCODE_SECONDS="0.3").start()
    told = False
    with new.client() as client:
        assert {item.id for item in client.list_items()} == set(ids)
        while not is_whole(new, ids):
            answer = client.search_json("red", limit=1000)
            told = told or (answer["indexing"] is not None and answer["indexing"]["total"] == len(ids))
            assert {item.status for item in client.items(ids)} == {"indexed"}
            assert httpx.get(f"{new.url}/v1/images/{ids[0]}/content", timeout=30).status_code == 200
    assert told, "Nobody was told how far the new space is."


@pytest.mark.slow
def test_going_back_to_the_old_encoder_works_as_well(make_server: MakeServer) -> None:
    server = make_server("colour:1").start()
    ids = fill(server)
    server.stop()
    for version in ("colour:2", "colour:1"):
        server = make_server(version).start()
        server.wait_for(lambda server=server: is_whole(server, ids))
        server.kill()


@pytest.mark.slow
def test_a_real_model_gives_way_to_another(make_server: MakeServer, tmp_path: Path) -> None:
    from tests.support.checkpoints import make_checkpoint

    server = make_server("twinspace-mini").start()
    ids = fill(server)
    assert server.stop() == 0
    server = make_server(str(make_checkpoint("clip", tmp_path / "clip"))).start()
    with server.client() as client:
        assert client.stats()["space"]["name"].startswith("clip")
    server.wait_for(lambda: is_whole(server, ids))
