"""waitress as we need it: bounded waiting, refusals as problem documents, and an end that answers everyone.

waitress queues without limit, answers its own errors as plain text and drops work in hand when it stops.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import Error, RequestEntityTooLarge

from backend.api.headers import of_refusal
from backend.settings import MEBIBYTE, Settings

CODES = {413: "too_large", 500: "internal_error", 503: "overloaded"}
DISCARD_BYTES = 1024 * MEBIBYTE
"""A body that is longer than allowed by up to this much is read to its end (and not kept): whoever is
still sending when the connection closes would see a broken connection instead of the answer."""
IDLE_SECONDS = 120
SPARE_CONNECTIONS = 200
"""Connections beyond those that are served or wait: enough to tell them that the queue is full."""


class ServiceUnavailable(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"
    retry_after = 1


class _ProblemTask(ErrorTask):  # type: ignore[misc]
    """An error of the HTTP layer, in the same form as every other of ours (RFC 9457)."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps(
            {
                "type": "about:blank",
                "title": error.reason,
                "status": error.code,
                "detail": str(error.body),
                "code": CODES.get(error.code, "invalid_request"),
            }
        ).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        if retry_after := getattr(error, "retry_after", None):
            self.response_headers.append(("Retry-After", str(retry_after)))
        given = self.request.headers
        others = of_refusal(given.get("ORIGIN"), given.get("X_REQUEST_ID", ""), self.channel.server.origins)
        self.response_headers += others.items()
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Task(WSGITask):  # type: ignore[misc]
    """Lets a connection live on after an answer that has no body (204, 304), and so no length: waitress ends
    it then, and whoever deletes a hundred items had to connect a hundred times."""

    def set_close_on_finish(self) -> None:
        asked = self.request.headers.get("CONNECTION", "").lower() == "close"
        if self.has_body or asked or self.version == "1.0":
            super().set_close_on_finish()


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses a body by its announced length, and lets the sender finish before it answers."""

    expect_continue: bool
    _to_discard = 0

    def received(self, data: bytes) -> int:
        if self._to_discard:
            discarded = min(len(data), self._to_discard)
            self._to_discard -= discarded
            self.completed = not self._to_discard
            return discarded
        consumed: int = super().received(data)
        if self.completed and self.body_rcv is not None and isinstance(self.error, RequestEntityTooLarge):
            self._refuse_body()
        return consumed

    def _refuse_body(self) -> None:
        limit = self.adj.max_request_body_size - 1
        self.error = RequestEntityTooLarge(f"The request's body may have at most {limit} bytes.")
        if self.expect_continue:  # The sender waits for our word and gets the refusal instead.
            self.expect_continue = False
        elif not self.chunked and self.content_length <= limit + DISCARD_BYTES:
            self._to_discard = self.content_length
            self.completed = False


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    task_class = _Task
    error_task_class = _ProblemTask

    def finish(self) -> None:
        """Called again and again while the server drains: no request after those that have come."""
        with self.requests_lock:
            for request in self.requests:
                request.headers["CONNECTION"] = "close"
            busy = bool(self.requests) or self.request is not None
        if not busy:
            self.close_when_flushed = True


class HttpServer(TcpWSGIServer):  # type: ignore[misc]
    """Serves `application` on a socket that is bound already: `accept_connections` listens, `run` returns
    after `stop` was called, `drain` ends what is in hand."""

    channel_class = _Channel

    def __init__(self, application: Any, sock: socket.socket, settings: Settings) -> None:
        adjustments = Adjustments(
            sockets=[sock],
            threads=settings.http_threads,
            connection_limit=settings.http_threads + settings.query_queue + SPARE_CONNECTIONS,
            # The application refuses what is larger than allowed; this is for what is larger still.
            max_request_body_size=settings.max_request_bytes + MEBIBYTE,
            channel_timeout=IDLE_SECONDS,
            asyncore_use_poll=True,
            log_socket_errors=False,
            ident=None,
        )
        self._stopping = False
        self._max_waiting = settings.query_queue
        self.origins = settings.cors_origins
        super().__init__(
            application,
            map={},
            _start=False,
            _sock=sock,
            bind_socket=False,
            adj=adjustments,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
        )

    def add_task(self, channel: _Channel) -> None:
        dispatcher = self.task_dispatcher
        about_to_start = len(dispatcher.threads) - dispatcher.active_count
        if len(dispatcher.queue) - about_to_start < self._max_waiting:
            super().add_task(channel)
            return
        channel.requests[0].error = ServiceUnavailable(
            "Too many requests are waiting; try again in a moment."
        )
        # On the thread of the sockets, once it has let go of the channel's lock: workers are all busy.
        self.trigger.pull_trigger(channel.service)

    def run(self) -> None:
        while not self._stopping:
            self._poll(1.0)

    def stop(self) -> None:
        """May be called from any thread and from a signal handler."""
        self._stopping = True
        self.pull_trigger()

    def drain(self, seconds: float) -> bool:
        """Stops listening and answers what has been accepted; False when time ran out before the end."""
        deadline = time.monotonic() + seconds
        self._accept_waiting()
        wasyncore.dispatcher.close(self)
        while self.active_channels:
            for channel in list(self.active_channels.values()):
                channel.finish()
            if time.monotonic() > deadline:
                return False
            self._poll(0.05)
        self._poll(0)
        self.task_dispatcher.shutdown(cancel_pending=False, timeout=1)
        return True

    def _accept_waiting(self) -> None:
        """Takes over connections that the kernel has made but nobody has picked up."""
        known = -1
        while known != len(self._map):
            known = len(self._map)
            self.handle_accept()
        self._poll(0)

    def _poll(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._map, count=1)
