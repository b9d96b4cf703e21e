"""PostgreSQL and Redis from binaries of this machine, on free ports, in temporary folders."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.folders import MEMORY
from tests.support.ports import free_port, listens

START_SECONDS = 30


def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class LocalPostgres:
    def __init__(self) -> None:
        binaries = postgres_binaries()
        if binaries is None:
            pytest.skip("PostgreSQL is not installed: `apt-get install postgresql` runs these tests.")
        self._binaries = binaries
        self._identity = _unprivileged()
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir=_open_to_everybody()))
        self._server: subprocess.Popen[bytes] | None = None
        if self._identity:
            os.chown(self._folder, self._identity["user"], self._identity["group"])
        initdb = ["initdb", "-D", self._folder / "data", "-U", "twinspace", "-A", "trust", "-E", "UTF8"]
        self._run([*initdb, "--no-sync"])

    def start(self) -> None:
        settings = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self._folder}",
            "max_connections=200",
        ]
        options = [option for setting in settings for option in ("-c", setting)]
        with (self._folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._folder / "data", *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._identity,
            )
        self._await()
        self._run(["psql", *self._address, "-d", "postgres", "-qc", "CREATE DATABASE twinspace"], check=False)

    @property
    def runs(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def kill(self) -> None:
        """All of its processes: while a single one lives, no new server starts on its folder."""
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def lose_files(self) -> None:
        raise NotImplementedError("accepted uploads are in them")

    def remove(self) -> None:
        if self.runs and self._server is not None:
            _stop(self._server, signal.SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _address(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "twinspace"]

    def _run(self, command: list[Any], *, check: bool = True) -> int:
        command = [self._binaries / command[0], *command[1:]]
        done = subprocess.run(command, check=check, capture_output=True, cwd=self._folder, **self._identity)
        return done.returncode

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._run(["pg_isready", "-q", *self._address], check=False) != 0:
            assert self._server is not None
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)


def _open_to_everybody() -> str:
    """Where an unprivileged user may work, too: wherever else TMPDIR leads, that is not certain."""
    chosen = tempfile.gettempdir()
    return chosen if chosen == str(MEMORY) else "/tmp"


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    pytest.skip("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`.")


class LocalRedis:
    def __init__(self, keeps: bool) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.skip("Redis is not installed: `apt-get install redis-server` runs these tests.")
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="redis-")
        self._command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", *redis_options(keeps)]
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._server = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, cwd=self._folder)
        deadline = time.monotonic() + START_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            if listens(self.port):
                return
            time.sleep(0.02)
        raise RuntimeError("Redis did not start")

    @property
    def runs(self) -> bool:
        return self._server is not None and self._server.poll() is None

    def kill(self) -> None:
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def lose_files(self) -> None:
        for path in Path(self._folder).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remove(self) -> None:
        if self.runs and self._server is not None:
            _stop(self._server, signal.SIGTERM)
        shutil.rmtree(self._folder, ignore_errors=True)


def redis_options(keeps: bool) -> list[str]:
    return ["--save", "", "--appendonly", "yes" if keeps else "no", "--appendfsync", "always"]


def _stop(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    server.send_signal(how)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
