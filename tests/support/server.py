"""A real `twinspace serve` in a process of its own, to be talked to, stopped and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backend.client import Client

START_SECONDS = 60
REPOSITORY = Path(__file__).parents[2]


class Server:
    """`encoder` is `colour` (or `colour:VERSION`) for the quick one of the tests, else a name that the
    product knows. Further settings are given as `http_threads=4`, variables by their full name."""

    def __init__(self, data: Path, encoder: str = "colour", host: str = "127.0.0.1", **settings: Any) -> None:
        self.data = data
        self._encoder = encoder
        self._host = host
        self._variables = {
            key if key.isupper() else f"TWINSPACE_{key.upper()}": str(value)
            for key, value in settings.items()
        }
        self._process: subprocess.Popen[str] | None = None
        self._log = data.parent / f"{data.name}.log"
        self._hold = data.parent / f"{data.name}.hold"
        self.url = ""

    def start(self, wait: bool = True, port: int = 0) -> Self:
        """Starts on a free port, or on this one. With `wait` it returns when `/readyz` says so,
        without when it listens or has died."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("TWINSPACE_")}
        quick = self._encoder.startswith("colour")
        module = "tests.support.cli" if quick else "backend.cli"
        chosen = {"TEST_ENCODER" if quick else "TWINSPACE_ENCODER": self._encoder}
        chosen["TEST_ENCODE_HOLD"] = str(self._hold)
        arguments = ["--data", str(self.data), "--host", self._host, "--port", str(port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "serve", *arguments],
            cwd=REPOSITORY,
            env={**inherited, "OMP_NUM_THREADS": "2", **chosen, **self._variables},
            stdout=subprocess.PIPE,
            stderr=self._log.open("a"),
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if "listens on " not in line:
            self._process.wait()
            if not wait:
                return self
            raise AssertionError(f"The server did not start:\n{self._log.read_text()[-4000:]}")
        self.url = line.split("listens on ")[1].split()[0]
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        with Client(self.url) as client:
            while not client.ready():
                assert self.process.poll() is None, self._log.read_text()[-4000:]
                assert time.monotonic() < deadline, "The server did not become ready."
                time.sleep(0.05)

    def wait_for(self, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.log[-4000:]
            time.sleep(0.05)

    def died(self, within: float) -> bool:
        """Whether the process ends by itself in that many seconds."""
        try:
            self._reap(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill_if_running(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    @property
    def log(self) -> str:
        return self._log.read_text()

    def client(self, patience: float = 30, key: str | None = None) -> Client:
        return Client(self.url, key, patience=patience)

    @contextmanager
    def thinking(self) -> Iterator[None]:
        """As long as this lasts the quick encoder of the tests answers nothing."""
        self._hold.touch()
        try:
            yield
        finally:
            self._hold.unlink()

    def kill(self) -> None:
        """As the kernel does it when memory is short."""
        self.process.kill()
        self._reap()

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap(seconds)

    def _reap(self, seconds: float = 20) -> int:
        code = self.process.wait(seconds)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill_if_running()
