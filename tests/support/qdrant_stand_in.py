"""A Qdrant server as far as we speak to it over REST, with faults on demand.

For tests of what happens when the server is away, slow or broken, in this process (`QdrantStandIn`) or
as a process of its own: `python -m tests.support.qdrant_stand_in --port N [--data FOLDER]`, to which
`PUT /_fault {"kind": "error"|"hang"|"drop"|"drop_after"|"garbage"|null, ...}` sets the fault (see `Fault`).
It stands in for the protocol (`qdrant_rest`), not for the engine: nothing follows from it about speed.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from tests.support.qdrant_rest import AlreadyThereError, Engine, NotThereError, plain

# As the server whose protocol this is.
GREETING = {"title": "qdrant - vector search engine", "version": "1.19.0", "commit": "stand-in"}

MOST_BYTES = 32 * 1024 * 1024
"""Of one request, as Qdrant's default has it."""


@dataclass(frozen=True)
class Fault:
    """What happens to requests instead of an answer, while it is set.

    `error` answers `status`; `hang` sits still for `seconds`, then drops; `drop` closes the connection
    before the work, `drop_after` after it; `garbage` answers 200 with something else than JSON.
    `path` (a regular expression) narrows it to some requests, `times` to so many.
    """

    kind: Literal["error", "hang", "drop", "drop_after", "garbage"]
    status: int = 500
    seconds: float = 3600
    path: str = ""
    times: int | None = None


@dataclass(frozen=True)
class Seen:
    """A request that arrived, whatever became of it."""

    method: str
    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class QdrantStandIn:
    """Listens on loopback. `stop` refuses connections, `start` is there again with the same port and data."""

    def __init__(self, port: int = 0, data: Path | None = None, api_key: str | None = None) -> None:
        self.host, self.port = "127.0.0.1", port
        self.api_key = api_key
        self.seen: list[Seen] = []
        self._engine = Engine(data)
        self._fault: Fault | None = None
        self._left = 0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        with self._lock:
            self._fault = fault
            self._left = -1 if fault is None or fault.times is None else fault.times

    def fault_for(self, path: str) -> Fault | None:
        """The fault that this request meets; counts it."""
        with self._lock:
            if self._fault is None or self._left == 0 or not re.search(self._fault.path, path):
                return None
            self._left -= 1
            return self._fault

    def call(self, method: str, path: str, body: Any) -> Any:
        return self._engine.call(method, path, body)

    def start(self) -> QdrantStandIn:
        self.stopping.clear()
        handler = type("Handler", (_Handler,), {"stand_in": self})
        self._server = _Server(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Connections in flight are dropped, new ones refused."""
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> QdrantStandIn:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._engine.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: QdrantStandIn

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if length > MOST_BYTES:
            return self._answer(413, f"JSON payload ({length} bytes) is larger than allowed")
        body = json.loads(content) if length else None
        path = self.path.partition("?")[0]
        if path == "/_fault":
            self.stand_in.fault = Fault(**body) if body and body.get("kind") else None
            return self._answer(200, True)
        self.stand_in.seen.append(Seen(self.command, self.path, body, dict(self.headers)))
        fault = self.stand_in.fault_for(path)
        if fault is not None and fault.kind != "drop_after":
            return self._fail(fault)
        status, result = self._result(path, body)
        if fault is not None or self.stand_in.stopping.is_set():
            return self._drop()
        return self._answer(status, result)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server names them

    def _result(self, path: str, body: Any) -> tuple[int, Any]:
        if path in ("/healthz", "/readyz", "/livez"):
            return 200, True
        if path == "/":
            return 200, GREETING
        if self.stand_in.api_key and self.headers.get("api-key") != self.stand_in.api_key:
            return 401, "Must provide an API key or an Authorization bearer token"
        try:
            return 200, self.stand_in.call(self.command, path, body)
        except NotThereError as error:
            return 404, str(error)
        except AlreadyThereError as error:
            return 409, str(error)
        except ValueError as error:
            return 400, str(error)

    def _answer(self, status: int, result: Any) -> None:
        outcome = (
            {"result": plain(result), "status": "ok"} if status == 200 else {"status": {"error": result}}
        )
        # The greeting alone comes without an envelope.
        content = GREETING if result is GREETING else outcome | {"time": 0.001}
        self._send(status, json.dumps(content).encode())

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "error":
            return self._answer(fault.status, "a fault that a test asked for")
        if fault.kind == "garbage":
            return self._send(200, b"<html>It works!</html>")
        if fault.kind == "hang":
            self.stand_in.stopping.wait(fault.seconds)
        return self._drop()

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--api-key")
    arguments = parser.parse_args()
    stand_in = QdrantStandIn(arguments.port, arguments.data, arguments.api_key).start()
    print(f"ready {stand_in.url}", flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    main()
