"""The client against a real server, and against one that errs, hangs up and recovers on demand."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import backend.client
import twinspace
from backend.client import ApiError, Client, Unreachable
from backend.errors import InvalidRequest
from tests.support.pictures import jpeg
from tests.support.ports import free_port
from tests.support.scripted import BUSY, Answer, Scripted, hangs_up, says
from tests.support.server import Server

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_it_needs_no_model_library() -> None:
    program = "import sys, twinspace; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_programs_know_it_as_twinspace() -> None:
    assert twinspace.__all__ == backend.client.__all__
    assert all(getattr(twinspace, name) is getattr(backend.client, name) for name in twinspace.__all__)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("client") / "data") as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """On a server that is empty again afterwards."""
    with server.client() as client:
        yield client
        for item in list(client.list_items(kind="image")):
            client.delete(item.id)
        for item in list(client.list_items()):
            client.delete(item.id)


def test_what_was_uploaded_is_found_after_the_wait(client: Client, tmp_path: Path) -> None:
    (tmp_path / "red.jpg").write_bytes(jpeg(RED))
    uploaded = client.upload([tmp_path / "red.jpg"], ["so red", "红色"], tags=["t"], metadata={"n": 1})
    assert [item.kind for item in uploaded.items] == ["image", "caption", "caption"]
    assert uploaded.items[1].image_id == uploaded.items[0].id
    heard: list[str] = []
    done = client.wait([item.id for item in uploaded.items], seconds=30, on_done=lambda i: heard.append(i.id))
    assert {item.status for item in done} == {"indexed"}
    assert sorted(heard) == sorted(item.id for item in uploaded.items)
    hit = client.search("red", limit=5).images[0]
    assert (hit.id, hit.filename) == (uploaded.items[0].id, "red.jpg")
    assert (hit.tags, hit.metadata) == (("t",), {"n": 1})


def test_refused_files_are_told_apart_from_accepted_ones(client: Client) -> None:
    uploaded = client.upload([("a.jpg", jpeg(RED)), ("b.jpg", b"junk"), ("c.jpg", jpeg(GREEN))])
    assert len(uploaded.items) == 2
    assert [(error.index, error.code) for error in uploaded.errors] == [(1, "unsupported_image")]


def test_a_picture_can_be_the_query(client: Client) -> None:
    ids = [item.id for item in client.upload([("r.jpg", jpeg(RED)), ("b.jpg", jpeg(BLUE))]).items]
    client.wait(ids, seconds=30)
    found = client.search([{"file": 0}], [("q.jpg", jpeg(BLUE, seed=3))])
    assert found.images[0].id == ids[1]
    assert found.captions == []


def test_a_file_s_name_need_not_be_text(client: Client, tmp_path: Path) -> None:
    odd = tmp_path / "caf\udce9.jpg"
    odd.write_bytes(jpeg(RED))
    assert client.upload([odd]).items[0].filename == "caf?.jpg"
    assert client.search([{"file": 0}], [odd]).captions == []


def test_pages_hold_every_hit_once(client: Client) -> None:
    captions = client.add_captions([{"text": f"red {n}"} for n in range(7)]).items
    client.wait([caption.id for caption in captions], seconds=30)
    pages = list(client.pages("red", limit=3))
    assert [len(page.captions) for page in pages] == [3, 3, 1]
    assert {hit.id for page in pages for hit in page.captions} == {caption.id for caption in captions}


def test_items_can_be_listed_changed_and_deleted(client: Client) -> None:
    items = client.add_captions([{"text": str(n)} for n in range(3)]).items
    assert client.patch(items[0].id, tags=["new"], metadata={"a": 1}).tags == ("new",)
    assert [item.id for item in client.list_items(tag="new")] == [items[0].id]
    client.delete(items[1].id)
    assert {item.id for item in client.items([item.id for item in items])} == {items[0].id, items[2].id}
    assert client.retry(items[2].id).id == items[2].id


def test_a_refusal_names_the_field(client: Client) -> None:
    with pytest.raises(ApiError, match="limit") as caught:
        client.search("red", limit=0)
    assert caught.value.status == 422
    assert caught.value.errors[0]["field"] == "limit"


def test_a_picture_that_cannot_be_decoded_ends_the_wait_as_failed(client: Client) -> None:
    broken = jpeg(RED, (600, 400))[:2500]
    [item] = client.wait([client.upload([("b.jpg", broken)]).items[0].id], seconds=30)
    assert item.status == "failed"
    assert item.error is not None
    assert item.error["code"] == "corrupt_image"


def test_waiting_does_not_mind_what_is_gone_or_how_ids_are_written(client: Client) -> None:
    captions = client.add_captions([{"text": f"red {n}"} for n in range(3)]).items
    client.delete(captions[1].id)
    ids = [captions[0].id, captions[1].id, captions[2].id.upper(), str(uuid.uuid4())]
    done = client.wait(ids, seconds=30)
    assert {item.id for item in done} == {captions[0].id, captions[2].id}


def test_an_item_that_is_deleted_while_it_is_waited_for_ends_the_wait() -> None:
    pending = {"id": "1", "kind": "image", "status": "pending"}
    answers = [says(200, {"items": items, "next_cursor": None}) for items in ([pending], [pending], [])]
    with Scripted(*answers) as server, Client(server.url) as client:
        assert client.wait(["1"], seconds=5) == []
        assert server.requests == 3


def test_a_key_is_sent(tmp_path: Path) -> None:
    with Server(tmp_path / "data", api_keys="s3cret") as server:
        with pytest.raises(ApiError) as caught, server.client() as client:
            client.stats()
        assert caught.value.status == 401
        with server.client(key="s3cret") as client:
            assert client.stats()["images"] == 0


# -- a server that errs -----------------------------------------------------------------------
FINE = says(200, {"version": "1"})


@pytest.mark.parametrize("trouble", [says(503, BUSY, Retry_After="0"), says(429, BUSY), hangs_up])
def test_trouble_that_passes_is_outlived(trouble: Answer) -> None:
    with Scripted(trouble, trouble, FINE) as server, Client(server.url, patience=20) as client:
        assert client.stats() == {"version": "1"}
        assert server.requests == 3


def test_where_nobody_listens_it_says_how_to_start_a_server() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, await_server=False) as client, pytest.raises(Unreachable, match="`twinspace serve`"):
        client.stats()


def test_who_does_not_wait_for_a_server_still_waits_for_a_busy_one() -> None:
    busy = says(503, BUSY, Retry_After="0")
    with Scripted(busy, FINE) as server, Client(server.url, patience=20, await_server=False) as client:
        assert client.stats() == {"version": "1"}
    with Scripted(hangs_up) as server, Client(server.url, patience=20, await_server=False) as client:
        with pytest.raises(Unreachable):
            client.stats()
        assert server.requests == 1


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with Scripted(says(503, BUSY, Retry_After="30")) as server, Client(server.url, patience=1) as client:
        with pytest.raises(ApiError, match="Come back") as caught:
            client.stats()
        assert caught.value.code == "overloaded"
        assert server.requests == 1  # Asking again before the time that was named would be no use.


@pytest.mark.parametrize("status", [400, 404, 422, 500, 507])
def test_what_a_repetition_cannot_mend_is_not_repeated(status: int) -> None:
    problem = {"status": status, "detail": "No.", "code": "some_code"}
    with Scripted(says(status, problem)) as server, Client(server.url, patience=20) as client:
        with pytest.raises(ApiError) as caught:
            client.stats()
        assert (caught.value.status, caught.value.code, server.requests) == (status, "some_code", 1)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff", b""])
def test_an_answer_that_is_not_ours_is_said(body: bytes) -> None:
    with (
        Scripted(says(200, body)) as server,
        Client(server.url) as client,
        pytest.raises(Unreachable, match="no Twinspace server"),
    ):
        client.stats()


@pytest.mark.parametrize("body", [b"<html>", {"detail": "x"}, [], {"detail": "x", "code": "y", "errors": 3}])
def test_a_problem_that_is_not_ours_is_still_an_error(body: Any) -> None:
    with Scripted(says(502, body)) as server, Client(server.url) as client:
        with pytest.raises(ApiError) as caught:
            client.stats()
        assert caught.value.status == 502


@pytest.mark.parametrize("url", ["localhost:8000", "", "ftp://x", "http://[::1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest, match="no server's address"):
        Client(url)


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines", "\udcff"])
def test_a_key_that_no_header_can_carry_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest, match="API key"):
        Client("http://127.0.0.1:8000", key)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"min_relevance": float("nan")}, "not JSON compliant"),
        ({"min_score": float("inf")}, "not JSON compliant"),
        ({"filter": {"tags_all": ["caf\udce9"]}}, "'.udce9' is no character"),
    ],
)
def test_what_json_cannot_carry_is_refused_before_it_is_sent(options: Any, reason: str) -> None:
    with Scripted(FINE) as server, Client(server.url) as client:
        with pytest.raises(InvalidRequest, match=reason):
            client.search("red", **options)
        assert server.requests == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_not_looked_for_through_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Scripted(FINE) as server, Client(server.url.replace("127.0.0.1", host), patience=0) as client:
        assert client.stats() == {"version": "1"}


def test_other_machines_are_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Scripted(FINE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with Client("http://photos.invalid", patience=0) as client:
            assert client.stats() == {"version": "1"}
        monkeypatch.setenv("http_proxy", "gopher://127.0.0.1")
        with pytest.raises(InvalidRequest, match="proxy"):
            Client("http://photos.invalid")


def test_waiting_ends_when_it_is_told_to() -> None:
    item = {"id": "1", "kind": "image", "status": "pending"}
    with (
        Scripted(says(200, {"items": [item], "next_cursor": None})) as server,
        Client(server.url) as client,
        pytest.raises(TimeoutError),
    ):
        client.wait(["1"], seconds=0.3)


@pytest.mark.parametrize("picture", ["photos/cat.png", b"bytes alone", None])
def test_what_is_no_picture_is_said_before_anything_is_sent(picture: Any) -> None:
    with (
        Client("http://127.0.0.1:1") as client,
        pytest.raises(TypeError, match=r"a Path, or a name with its"),
    ):
        client.search([{"file": 0}], [picture])
