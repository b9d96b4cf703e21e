"""A wire between two parts that tests can cut: TCP on loopback, handed on byte by byte."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 65536


class Proxy:
    """Listens on a port of its own and hands everything on to `port`. `cut` drops what is connected and
    takes nothing new, `stall` keeps connections and lets nothing through, `heal` ends either."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._whole, self._flowing = threading.Event(), threading.Event()
        self.heal()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()
        with self._lock:
            for each in list(self._open):
                _close(each)
            self._open.clear()

    def stall(self) -> None:
        self._flowing.clear()

    def heal(self) -> None:
        self._whole.set()
        self._flowing.set()

    def close(self) -> None:
        self.cut()
        self._flowing.set()
        _close(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._whole.is_set():
                _close(near)
                continue
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                _close(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._flowing.wait()
                sink.sendall(data)
        except OSError:
            pass  # One end is gone, and so is the other.
        finally:
            with self._lock:
                self._open -= {source, sink}
            _close(source)
            _close(sink)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _close(sock: socket.socket) -> None:
    with suppress(OSError):  # It may not be connected any more.
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
