"""The distributed profile as it is run: API, workers and reconciler as processes, over real services."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from qdrant_client import QdrantClient
from redis import Redis
from sqlalchemy import NullPool, create_engine, text

from backend.client import Client
from backend.store.base import KINDS
from backend.store.server import ServerStore
from tests.support.databases import (
    Service,
    postgres_service,
    postgres_url,
    redis_service,
    redis_url,
)
from tests.support.encoders import ColourEncoder
from tests.support.parts import Part
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.qdrant_server import real_qdrant
from tests.support.qdrant_stand_in import QdrantStandIn

PROMISE = 120
"""Seconds after the end of a fault in which everything that was accepted is indexed."""
QUICK = {
    "TWINSPACE_LEASE_SECONDS": "3",
    "TWINSPACE_RECONCILE_SECONDS": "0.5",
    "TWINSPACE_QDRANT_TIMEOUT": "2",
}


class RealQdrant:
    """A server that is there already."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = httpx.URL(url)
        self.host, self.port = parts.host, parts.port or 6333
        self.fault = None


class Installation:
    """Workers and reconciler reach every service through one proxy of its own, the API through another."""

    def __init__(
        self,
        folder: Path,
        postgres: Service,
        redis: Service,
        qdrant: QdrantStandIn | RealQdrant,
        **variables: str,
    ) -> None:
        self.numbers = itertools.count()
        """Of pictures that nobody uploaded yet."""
        self.folder = folder
        self.storage = folder / "storage"
        self.storage.mkdir(exist_ok=True)
        self.postgres, self.redis, self.qdrant = postgres, redis, qdrant
        self.wires, self.api_wires = self._wires(), self._wires()
        self.prefix = f"test-{secrets.token_hex(4)}-"
        """Of its collections: several test processes may share a real Qdrant."""
        self._variables = {**QUICK, "TEST_ENCODER": "colour", "TEST_ENCODE_SECONDS": "0.05", **variables}
        self.api = self.replica("api")
        self.url = self.api.url
        self.workers: list[Part] = []
        self.beat = Part("beat", ["beat"], self._settings(self.wires), folder)
        # Connects anew every time: the server may have been killed in between.
        self._database = create_engine(postgres_url(postgres.port), poolclass=NullPool)

    def _wires(self) -> dict[str, Proxy]:
        return {
            "postgres": Proxy(self.postgres.port),
            "redis": Proxy(self.redis.port),
            "qdrant": Proxy(self.qdrant.port, self.qdrant.host),
        }

    def _settings(self, wires: dict[str, Proxy]) -> dict[str, str]:
        return {
            **self._variables,
            "TWINSPACE_DATABASE_URL": postgres_url(wires["postgres"].port),
            "TWINSPACE_BROKER_URL": redis_url(wires["redis"].port),
            "TWINSPACE_QDRANT_URL": f"http://127.0.0.1:{wires['qdrant'].port}",
            "TWINSPACE_QDRANT_PREFIX": self.prefix,
            "TWINSPACE_STORAGE_URL": str(self.storage),
        }

    def replica(self, name: str) -> Part:
        """Of the API, not started yet."""
        port = free_port()
        part = Part(name, ["api", "--port", str(port)], self._settings(self.api_wires), self.folder)
        part.url = f"http://127.0.0.1:{port}"
        return part

    def worker(self, **variables: str) -> Part:
        """One more, not started yet."""
        name, port = f"worker-{len(self.workers) + 1}", free_port()
        arguments = ["worker", "--metrics-port", str(port)]
        part = Part(name, arguments, {**self._settings(self.wires), **variables}, self.folder)
        part.url = f"http://127.0.0.1:{port}"
        self.workers.append(part)
        return part

    def start(self, workers: int = 2) -> None:
        for _ in range(workers):
            self.worker()
        for part in self.parts:
            part.start()
        self.wait_for_api()

    @property
    def parts(self) -> list[Part]:
        return [self.api, *self.workers, self.beat]

    def wait_for_api(self, url: str | None = None, seconds: float = 60) -> None:
        def ready() -> bool:
            try:
                return httpx.get(f"{url or self.url}/readyz", timeout=10).status_code == 200
            except httpx.TransportError:
                return False

        self.wait_for(ready, seconds)

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"--- {part.name}\n{part.log[-3000:]}" for part in self.parts)

    def client(self, patience: float = 0) -> Client:
        return Client(self.url, patience=patience)

    def broker(self) -> Redis:
        return Redis.from_url(redis_url(self.redis.port))

    def held_by(self, worker: Part) -> list[str]:
        """The ids of the items that this worker has in work: its name there tells its process."""
        with self._database.connect() as connection:
            query = text("SELECT id FROM items WHERE leased_by LIKE :name")
            return list(connection.scalars(query, {"name": f"%-{worker.pid}-%"}))

    def pending(self) -> int:
        with self._database.connect() as connection:
            query = text("SELECT count(*) FROM items WHERE status = 'pending'")
            return int(connection.execute(query).scalar_one())

    def spaces(self) -> set[str]:
        """Those that items are in."""
        with self._database.connect() as connection:
            return set(connection.scalars(text("SELECT DISTINCT space FROM items")))

    def stand_in(self) -> QdrantStandIn:
        """Which can be told to misbehave; see `installation`."""
        assert isinstance(self.qdrant, QdrantStandIn)
        return self.qdrant

    def make_whole(self) -> None:
        """Ends every fault, starts what does not run, and waits for the API."""
        self.restore()
        self.wait_for_api()

    def restore(self) -> None:
        self.qdrant.fault = None
        if isinstance(self.qdrant, QdrantStandIn) and self.qdrant.stopping.is_set():
            self.qdrant.start()
        for wire in (*self.wires.values(), *self.api_wires.values()):
            wire.heal()
        for service in (self.postgres, self.redis):
            if not service.runs:
                service.start()
        for part in self.parts:
            if not part.runs:
                part.start()

    def points(self) -> list[str]:
        """The ids of all points, as often as they are there."""
        store = self._store()
        space, found = ColourEncoder().space.name, []
        for kind in KINDS:
            cursor: str | None = None
            while True:
                ids, cursor = store.scroll(space, kind, 1000, cursor)
                found += ids
                if cursor is None:
                    break
        store.close()
        return found

    def lose_points(self) -> None:
        store = self._store()
        store.drop_space(ColourEncoder().space.name)
        store.close()

    def _store(self) -> ServerStore:
        client = QdrantClient(url=self.qdrant.url, check_compatibility=False, timeout=30)
        return ServerStore(client, prefix=self.prefix)

    def close(self) -> None:
        for part in self.parts:
            if part.runs:
                part.kill()
        if isinstance(self.qdrant, RealQdrant):
            store = self._store()
            for space in store.spaces():
                store.drop_space(space)
            store.close()
        for wire in (*self.wires.values(), *self.api_wires.values()):
            wire.close()


@contextmanager
def installation(
    folder: Path, *, redis_keeps: bool = False, stand_in: bool = False, **variables: str
) -> Iterator[Installation]:
    """Services and proxies; the parts are started by the test. `stand_in`: in Qdrant's place even where a
    real one, which cannot be told to fail, is at hand."""
    with ExitStack() as services:
        postgres = services.enter_context(postgres_service())
        redis = services.enter_context(redis_service(keeps=redis_keeps))
        real = None if stand_in else services.enter_context(real_qdrant())
        qdrant = RealQdrant(real) if real else services.enter_context(QdrantStandIn())
        made = Installation(folder, postgres, redis, qdrant, **variables)
        try:
            yield made
        finally:
            made.close()
