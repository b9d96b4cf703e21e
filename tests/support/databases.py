"""Real PostgreSQL and Redis servers of the test's own, to be killed and started again, gone afterwards.

From containers (testcontainers) where Docker is reachable and has the image, else from local binaries.
TWINSPACE_TEST_POSTGRES_IMAGE and TWINSPACE_TEST_REDIS_IMAGE name other images. Nothing is downloaded.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pytest

START_SECONDS = 30
POSTGRES_IMAGE = os.environ.get("TWINSPACE_TEST_POSTGRES_IMAGE", "postgres:17-alpine")
REDIS_IMAGE = os.environ.get("TWINSPACE_TEST_REDIS_IMAGE", "redis:8.2-alpine")


class Service(Protocol):
    """Keeps its port, and what it stores on disk, from start to start."""

    port: int
    runs: bool

    def start(self) -> None: ...

    def kill(self) -> None:
        """As the kernel does it when memory is short."""

    def lose_files(self) -> None:
        """What is on disk is gone, while the server runs on without noticing (Redis alone bears that)."""

    def remove(self) -> None: ...


@contextmanager
def postgres_service() -> Iterator[Service]:
    with _running(Container.postgres() if has_image(POSTGRES_IMAGE) else _LocalPostgres()) as service:
        yield service


@contextmanager
def redis_service(*, keeps: bool = False) -> Iterator[Service]:
    """`keeps`: writes every message to a file, as the compose project's does."""
    chosen = Container.redis(keeps) if has_image(REDIS_IMAGE) else _LocalRedis(keeps)
    with _running(chosen) as service:
        yield service


@contextmanager
def postgres() -> Iterator[str]:
    """The SQLAlchemy URL of a PostgreSQL server."""
    with postgres_service() as service:
        yield postgres_url(service.port)


@contextmanager
def redis() -> Iterator[str]:
    """The URL of a Redis server that keeps nothing."""
    with redis_service() as service:
        yield redis_url(service.port)


def postgres_url(port: int) -> str:
    return f"postgresql+psycopg://twinspace:twinspace@127.0.0.1:{port}/twinspace"


def redis_url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


@contextmanager
def _running(service: Service) -> Iterator[Service]:
    try:
        service.start()
        yield service
    finally:
        service.remove()


# -- local binaries ----------------------------------------------------------------------------
def postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


class _LocalPostgres:
    def __init__(self) -> None:
        binaries = postgres_binaries()
        if binaries is None:
            pytest.skip("PostgreSQL is not installed: `apt-get install postgresql` runs these tests.")
        self._binaries = binaries
        self._identity = _unprivileged()
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
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


class _LocalRedis:
    def __init__(self, keeps: bool) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.skip("Redis is not installed: `apt-get install redis-server` runs these tests.")
        self.port = free_port()
        self._folder = tempfile.mkdtemp(prefix="redis-")
        self._command = [binary, "--port", str(self.port), "--bind", "127.0.0.1", *_redis_options(keeps)]
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._server = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, cwd=self._folder)
        deadline = time.monotonic() + START_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            if _listens(self.port):
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


def _redis_options(keeps: bool) -> list[str]:
    return ["--save", "", "--appendonly", "yes" if keeps else "no", "--appendfsync", "always"]


# -- containers --------------------------------------------------------------------------------
@cache
def has_image(name: str) -> bool:
    if shutil.which("docker") is None:
        return False
    found = subprocess.run(["docker", "images", "--quiet", name], capture_output=True, text=True)
    return found.returncode == 0 and bool(found.stdout.strip())


class Container:
    def __init__(
        self,
        image: str,
        inner_port: int,
        answers: Callable[[int], bool],
        command: Sequence[str] = (),
        **environment: str,
    ) -> None:
        """`answers` says of a port of this machine whether the service is there. Without a `command` the
        image's own is run."""
        from testcontainers.core.config import testcontainers_config
        from testcontainers.core.container import DockerContainer

        # Its helper that clears up after a killed test run is one more image, which may not be there.
        testcontainers_config.ryuk_disabled = True
        self.port = free_port()
        self._answers = answers
        self._made = False
        self._container = DockerContainer(image).with_bind_ports(inner_port, self.port)
        if command:
            self._container.with_command(list(command))
        for name, value in environment.items():
            self._container.with_env(name, value)

    @classmethod
    def postgres(cls) -> Container:
        names = dict.fromkeys(("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"), "twinspace")
        command = ["postgres", "-c", "max_connections=200"]
        return cls(POSTGRES_IMAGE, 5432, _postgres_answers, command, **names)

    @classmethod
    def redis(cls, keeps: bool) -> Container:
        command = ["redis-server", "--protected-mode", "no", *_redis_options(keeps)]
        return cls(REDIS_IMAGE, 6379, _redis_answers, command)

    def start(self) -> None:
        if self._made:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._made = True
        deadline = time.monotonic() + START_SECONDS
        while not self._answers(self.port):
            assert time.monotonic() < deadline, f"the container does not answer: {self._container.get_logs()}"
            time.sleep(0.05)

    @property
    def runs(self) -> bool:
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status == "running")

    def kill(self) -> None:
        self._container.get_wrapped_container().kill()

    def lose_files(self) -> None:
        self._container.exec(["sh", "-c", "rm -rf /data/*"])

    def remove(self) -> None:
        self._container.stop()


def _postgres_answers(port: int) -> bool:
    import psycopg

    try:
        psycopg.connect(postgres_url(port).replace("+psycopg", ""), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _redis_answers(port: int) -> bool:
    from redis import Redis, RedisError

    try:
        with Redis.from_url(redis_url(port), socket_timeout=2) as client:
            return bool(client.ping())
    except RedisError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _stop(server: subprocess.Popen[bytes], how: signal.Signals) -> None:
    server.send_signal(how)
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
