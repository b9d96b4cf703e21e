"""The HTTP layer on real sockets: what it refuses and how it ends."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest

from backend.http_server import HttpServer
from backend.settings import Settings

WAIT = 20


class Application:
    """Answers at once, echoes the size of the body, or holds a request until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Event()
        self.large = b"x" * 8_000_000

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        body = b"hello"
        if environ["PATH_INFO"] == "/slow":
            self.started.release()
            self.go.wait(WAIT)
        if environ["PATH_INFO"] == "/large":
            body = self.large
        if environ["REQUEST_METHOD"] == "DELETE":
            start_response("204 No Content", [])
            return []
        if environ["REQUEST_METHOD"] == "POST":
            body = str(len(environ["wsgi.input"].read())).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Running:
    patience = 10.0

    def __init__(self, application: Application, **settings: Any) -> None:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.port: int = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.drained: bool | None = None
        self.server = HttpServer(application, sock, Settings(**settings))
        self.server.accept_connections()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.server.run()
        self.drained = self.server.drain(self.patience)

    def stop(self) -> bool | None:
        self.server.stop()
        self.thread.join(WAIT)
        return self.drained


@contextmanager
def running(application: Application, **settings: Any) -> Iterator[Running]:
    server = Running(application, **settings)
    try:
        yield server
    finally:
        application.go.set()
        server.stop()


@pytest.fixture
def application() -> Application:
    return Application()


def in_threads(
    call: Callable[[], httpx.Response], count: int
) -> tuple[list[threading.Thread], list[httpx.Response]]:
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(call())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_a_request_in_hand_is_answered_before_the_server_ends(application: Application) -> None:
    with running(application, http_threads=2) as server:
        threads, answers = in_threads(lambda: httpx.get(f"{server.url}/slow", timeout=WAIT), 2)
        for _ in threads:
            assert application.started.acquire(timeout=WAIT)
        server.server.stop()
        wait_until(lambda: not server.server.accepting)
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url, timeout=WAIT)
        application.go.set()
        for thread in threads:
            thread.join(WAIT)
        assert [answer.text for answer in answers] == ["hello", "hello"]
        assert [answer.headers["connection"] for answer in answers] == ["close", "close"]
        assert server.stop() is True


def test_requests_that_wait_for_a_thread_are_answered_too(application: Application) -> None:
    with running(application, http_threads=1) as server:
        threads, answers = in_threads(lambda: httpx.get(f"{server.url}/slow", timeout=WAIT), 4)
        assert application.started.acquire(timeout=WAIT)
        wait_until(lambda: len(server.server.task_dispatcher.queue) == 3)
        server.server.stop()
        application.go.set()
        assert server.stop() is True
        for thread in threads:
            thread.join(WAIT)
        assert len(answers) == 4


def test_a_large_answer_is_sent_to_its_end(application: Application) -> None:
    with running(application) as server, httpx.stream("GET", f"{server.url}/large", timeout=WAIT) as answer:
        chunks = answer.iter_raw(65536)
        received = len(next(chunks))
        server.server.stop()
        received += sum(len(chunk) for chunk in chunks)
        assert received == len(application.large)


def test_an_idle_connection_does_not_delay_the_end(application: Application) -> None:
    with running(application) as server, httpx.Client(base_url=server.url) as client:
        assert client.get("/").text == "hello"
        assert server.stop() is True


def test_a_request_that_does_not_end_is_given_up(application: Application) -> None:
    with running(application, http_threads=1) as server:
        server.patience = 0.2
        thread, _ = in_threads(lambda: _get_or_none(f"{server.url}/slow"), 1)
        assert application.started.acquire(timeout=WAIT)
        assert server.stop() is False
        application.go.set()
        thread[0].join(WAIT)


def _get_or_none(url: str) -> Any:
    try:
        return httpx.get(url, timeout=WAIT)
    except httpx.TransportError:
        return None


def test_past_the_bound_of_the_queue_it_says_so_and_recovers(application: Application) -> None:
    with running(application, http_threads=1, query_queue=2) as server:
        threads, answers = in_threads(lambda: httpx.get(f"{server.url}/slow", timeout=WAIT), 3)
        assert application.started.acquire(timeout=WAIT)
        wait_until(lambda: len(server.server.task_dispatcher.queue) == 2)
        refused = httpx.get(server.url, timeout=WAIT)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "overloaded"
        assert len(refused.headers["x-request-id"]) == 16
        application.go.set()
        for thread in threads:
            thread.join(WAIT)
        assert [answer.status_code for answer in answers] == [200] * 3
        assert httpx.get(server.url, timeout=WAIT).status_code == 200


@pytest.mark.parametrize("beyond", [1, 60_000_000])
def test_a_body_beyond_the_limit_is_refused_with_a_problem(application: Application, beyond: int) -> None:
    front = "https://front.example"
    limits = {"max_request_bytes": 1_000_000, "max_image_bytes": 1000}
    with running(application, cors_origins=front, **limits) as server:
        spare = 1024 * 1024
        headers = {"Origin": front, "X-Request-ID": "abc-1"}
        body = bytes(1_000_000 + spare + beyond)
        refused = httpx.post(server.url, content=body, headers=headers, timeout=WAIT)
        assert refused.status_code == 413
        assert refused.json()["code"] == "too_large"
        assert refused.headers["access-control-allow-origin"] == front
        assert refused.headers["x-request-id"] == "abc-1"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert httpx.post(server.url, content=b"12345", timeout=WAIT).text == "5"


def test_a_sender_that_asks_first_is_told_before_it_sends(application: Application) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"
    with (
        running(application, max_request_bytes=1000, max_image_bytes=1000) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=WAIT) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_chunks_beyond_the_limit_are_refused(application: Application) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            yield bytes(1_000_000)

    with running(application, max_request_bytes=1_000_000, max_image_bytes=1000) as server:
        with suppress(httpx.TransportError):  # The connection may end while chunks still come.
            assert httpx.post(server.url, content=chunks(), timeout=WAIT).status_code == 413
        assert httpx.get(server.url, timeout=WAIT).status_code == 200


def test_garbage_is_refused_with_a_problem(application: Application) -> None:
    with running(application) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nbad header\r\n\r\n")
            answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 400 ") or answer.startswith(b"HTTP/1.0 400 ")
        assert b"application/problem+json" in answer


def test_a_connection_outlives_answers_without_a_body(application: Application) -> None:
    with running(application) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        connection.connect()
        for _ in range(2):
            sock = connection.sock
            connection.request("DELETE", "/")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (204, b"")
            assert connection.sock is sock
        connection.request("DELETE", "/", headers={"Connection": "close"})
        assert connection.getresponse().headers["Connection"] == "close"
        connection.close()
