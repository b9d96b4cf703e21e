"""The embedded server as a process: what it refuses, what it says, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.pictures import jpeg
from tests.support.server import REPOSITORY, Server

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that a server outlives."""
    folder = tmp_path_factory.mktemp("serve")
    with Server(folder / "data", max_request_bytes=100 * MEGABYTE) as running:
        yield running


def refused(data: Path, *arguments: str, **environment: str) -> str:
    """What `twinspace serve` says when it does not start, in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.cli", "serve", "--data", str(data), *arguments],
        cwd=REPOSITORY,
        env={"PATH": "", "TEST_ENCODER": "colour", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_it_does_not_listen_beyond_loopback_without_keys(tmp_path: Path) -> None:
    said = refused(tmp_path, "--host", "0.0.0.0", "--port", "0")
    assert "TWINSPACE_API_KEYS" in said
    assert "TWINSPACE_ALLOW_UNAUTHENTICATED" in said


@pytest.mark.parametrize(
    "setting", [{"api_keys": "k"}, pytest.param({"allow_unauthenticated": "true"}, marks=pytest.mark.slow)]
)
def test_it_listens_beyond_loopback_when_told_to(tmp_path: Path, setting: dict[str, str]) -> None:
    with Server(tmp_path / "data", host="0.0.0.0", **setting) as server:
        assert httpx.get(server.url.replace("0.0.0.0", "127.0.0.1") + "/healthz").status_code == 200


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert f"Port {port}" in refused(tmp_path, "--port", port)


def test_a_folder_that_is_taken_is_named_with_who_has_it(server: Server) -> None:
    said = refused(server.data, "--port", "0")
    assert str(server.data) in said
    assert str(server.process.pid) in said


@pytest.mark.parametrize(
    "host",
    [
        "no.such.host.invalid",
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("a" * 300, "999.1.1.1")),
    ],
)
def test_an_address_that_is_none_is_named(tmp_path: Path, host: str) -> None:
    assert host[:20] in refused(tmp_path, "--host", host)


def test_a_data_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in refused(tmp_path / "file", "--port", "0")


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, "--port", "0", TEST_ENCODER="", TWINSPACE_ENCODER="/no/such/encoder")
    assert "/no/such/encoder" in said


def test_the_front_is_the_page(server: Server) -> None:
    page = httpx.get(server.url)
    assert page.status_code == 200
    assert "<title>Twinspace</title>" in page.text


def slow_upload(
    server: Server, answers: list[httpx.Response], sent: threading.Event, go: threading.Event
) -> None:
    """Sends half of a picture's upload, and the rest when it is told to."""
    boundary = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.jpg\r\n\r\n"
    body = boundary + jpeg((3, 4, 5), (2000, 1500)) + b"\r\n--x--\r\n"

    def parts() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        sent.set()
        go.wait(20)
        yield body[len(body) // 2 :]

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(body))}
    answers.append(httpx.post(f"{server.url}/v1/images", content=parts(), headers=headers, timeout=30))


@pytest.mark.parametrize(
    "signal_number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_it_answers_what_it_accepted_and_ends(tmp_path: Path, signal_number: int) -> None:
    """One upload is half received when the signal comes, others are still being ingested."""
    with Server(tmp_path / "data", TEST_ENCODE_SECONDS="0.1") as server:
        with server.client() as client:
            before = client.upload([(f"{n}.jpg", jpeg((n, n, n), seed=n)) for n in range(30)]).items
        answers: list[httpx.Response] = []
        sent, go = threading.Event(), threading.Event()
        thread = threading.Thread(target=slow_upload, args=(server, answers, sent, go))
        thread.start()
        assert sent.wait(20)
        time.sleep(0.2)  # What was sent has to arrive.
        server.process.send_signal(signal_number)
        wait_until_refused(server.url)
        go.set()
        thread.join(20)
        assert answers[0].status_code == 202
        assert server.process.wait(20) == 0
        assert "Traceback" not in server.log
        server.start()
        with server.client() as client:
            ids = [item.id for item in before] + [answers[0].json()["items"][0]["id"]]
            assert {item.status for item in client.wait(ids, seconds=60)} == {"indexed"}
            assert client.stats()["images"] == 31


def test_it_leaves_no_thread_that_could_use_what_it_has_closed(tmp_path: Path) -> None:
    code = """
import os, signal, sys, threading
from pathlib import Path
import encoders.loading
from tests.support.cli import load_encoder
encoders.loading.load_encoder = load_encoder
from backend.serve import serve
from backend.settings import Settings
serve(Settings(data=Path(sys.argv[1])), "127.0.0.1", 0, lambda _: os.kill(os.getpid(), signal.SIGTERM))
left = {thread.name for thread in threading.enumerate() if not isinstance(thread, threading.Timer)}
print(sorted(left))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data")],
        cwd=REPOSITORY,
        env={"PATH": "", "TEST_ENCODER": "colour"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['MainThread']"


def wait_until_refused(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz", timeout=20)
        except httpx.TransportError:
            return
        time.sleep(0.02)
    raise AssertionError("It still listens.")


@pytest.mark.slow
def test_a_request_without_end_does_not_keep_it(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                b"POST /v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc"
            )
            time.sleep(0.2)
            assert server.stop(seconds=10) == 0


@pytest.mark.parametrize("asked", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_an_encoder_that_does_not_return_does_not_keep_it(tmp_path: Path, asked: bool) -> None:
    """Whether it is ingest that waits for the encoder, or a request as well."""
    server = Server(tmp_path / "data", TEST_ENCODE_SECONDS="60").start(wait=False)
    with server.client() as client:
        ids = [item.id for item in client.upload([("a.jpg", jpeg((255, 0, 0)))]).items]
        if asked:
            asking = threading.Thread(target=ask_with_a_picture, args=(server.url,))
            asking.start()
        time.sleep(0.5)  # Both have to reach the encoder.
        assert server.stop(seconds=10) == 0
        if asked:
            asking.join(20)
    with Server(tmp_path / "data") as quick, quick.client() as client:
        assert [item.status for item in client.wait(ids, seconds=30)] == ["indexed"]


def ask_with_a_picture(url: str) -> None:
    files = {"file": ("a.jpg", jpeg((0, 0, 255)))}
    data = {"request": '{"query": [{"file": 0}]}'}
    with pytest.raises(httpx.TransportError):  # Nobody is left to answer.
        httpx.post(f"{url}/v1/search", files=files, data=data, timeout=30)


@pytest.mark.parametrize("size", [200 * MEGABYTE, pytest.param(60 * MEGABYTE, marks=pytest.mark.slow)])
def test_a_body_that_is_too_large_is_refused_and_the_server_lives(server: Server, size: int) -> None:
    """As a whole where it exceeds the limit of requests, as a file where it exceeds that of pictures."""
    files = {"file": ("large.jpg", jpeg((1, 1, 1)) + bytes(size))}
    answer = httpx.post(f"{server.url}/v1/images", files=files, timeout=60)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "too_large"
    with server.client() as client:
        assert client.upload([("a.jpg", jpeg((1, 1, 1)))]).items
