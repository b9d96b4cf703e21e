"""Real PostgreSQL and Redis servers of the test's own, to be killed and started again, gone afterwards.

From containers (testcontainers) where Docker is reachable and has the image, else from local binaries.
TWINSPACE_TEST_POSTGRES_IMAGE and TWINSPACE_TEST_REDIS_IMAGE name other images. Nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import create_engine

from tests.support.containers import Container, has_image
from tests.support.local_services import LocalPostgres, LocalRedis, redis_options

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
    with _running(_postgres_container() if has_image(POSTGRES_IMAGE) else LocalPostgres()) as service:
        yield service


@contextmanager
def redis_service(*, keeps: bool = False) -> Iterator[Service]:
    """`keeps`: writes every message to a file, as the compose project's does."""
    chosen = _redis_container(keeps) if has_image(REDIS_IMAGE) else LocalRedis(keeps)
    with _running(chosen) as service:
        yield service


@contextmanager
def postgres() -> Iterator[str]:
    """The SQLAlchemy URL of a PostgreSQL server."""
    with postgres_service() as service:
        yield postgres_url(service.port)


def make_empty(url: str) -> None:
    """Which takes less time than starting a server anew."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()


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


def _postgres_container() -> Container:
    names = dict.fromkeys(("POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"), "twinspace")
    command = ["postgres", "-c", "max_connections=200"]
    return Container(POSTGRES_IMAGE, 5432, _postgres_answers, command, **names)


def _redis_container(keeps: bool) -> Container:
    command = ["redis-server", "--protected-mode", "no", *redis_options(keeps)]
    return Container(REDIS_IMAGE, 6379, _redis_answers, command)


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
