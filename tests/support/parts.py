"""One process of the product (API, worker, beat) with the tests' quick encoder, to be stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


class Part:
    """One of our processes, with a log of its own; `kill` is `kill -9` of it and its children."""

    def __init__(self, name: str, arguments: list[str], variables: dict[str, str], folder: Path) -> None:
        self.name = name
        self._arguments = arguments
        self._variables = variables
        self._log = folder / f"{name}.log"
        self.url = ""
        """Where it answers over HTTP, if it does."""
        self.code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("TWINSPACE_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.cli", *self._arguments],
                cwd=REPOSITORY,
                env={**inherited, "OMP_NUM_THREADS": "1", **self._variables},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """As Docker does it; `code` is how it ended."""
        assert self._process is not None
        self._process.terminate()
        self.code = self._process.wait(30)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of its log."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
