"""The API over real parts: SQLite, a folder, Qdrant Edge, the ingest pipeline, and an encoder of colours."""

from __future__ import annotations

import io
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.api import create_app
from backend.catalogue.catalogue import Catalogue
from backend.originals import Originals
from backend.profile import Services
from backend.settings import Settings
from backend.store.base import KINDS
from backend.store.edge import EdgeStore
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg
from workers.pipeline import Pipeline


@dataclass
class Server:
    """One server in this process. Nothing is indexed until `ingest` is called."""

    app: Flask
    services: Services
    client: FlaskClient
    encoder: ColourEncoder
    wakes: list[None]

    def ingest(self) -> None:
        services = self.services
        pipeline = Pipeline(
            services.catalogue,
            services.originals,
            services.store,
            self.encoder,
            services.settings,
            threading.Event(),
        )
        while pipeline.run():
            pass
        pipeline.close()

    def upload(self, *files: bytes | tuple[str, bytes], **fields: Any) -> TestResponse:
        named = [file if isinstance(file, tuple) else (f"{i}.jpg", file) for i, file in enumerate(files)]
        data = {"file": [(io.BytesIO(content), name) for name, content in named], **fields}
        return self.client.post("/v1/images", data=data, content_type="multipart/form-data")

    def caption(self, *texts: str, image_id: str | None = None) -> list[str]:
        captions = [{"text": text, "image_id": image_id} for text in texts]
        answer = self.client.post("/v1/captions", json={"captions": captions})
        assert answer.status_code == 202, answer.text
        return [item["id"] for item in answer.json["items"]]

    def pictures(self, *colours: tuple[int, int, int]) -> list[str]:
        """Uploads and indexes one picture a colour."""
        answer = self.upload(*[jpeg(colour, seed=i) for i, colour in enumerate(colours)])
        assert answer.status_code == 202, answer.text
        self.ingest()
        return [item["id"] for item in answer.json["items"]]

    def search(self, query: Any, files: Sequence[bytes] = (), **options: Any) -> TestResponse:
        request = {"query": query, **options}
        if not files:
            return self.client.post("/v1/search", json=request)
        data = {
            "request": json.dumps(request),
            "file": [(io.BytesIO(content), f"{i}.jpg") for i, content in enumerate(files)],
        }
        return self.client.post("/v1/search", data=data, content_type="multipart/form-data")


Start = Callable[..., Server]


def open_server(data: Path, store: EdgeStore | None = None, **settings: Any) -> Server:
    data.mkdir(exist_ok=True)
    encoder, wakes = ColourEncoder(), []
    catalogue = Catalogue(f"sqlite:///{data}/catalogue.db")
    store = store or EdgeStore(data / "vectors")
    services = Services(
        settings=Settings(data=data, **settings),
        catalogue=catalogue,
        originals=Originals(str(data / "originals")),
        store=store,
        encoder=lambda: encoder,
        wake=lambda: wakes.append(None),
        close=catalogue.close,
    )
    app = create_app(services)
    return Server(app, services, app.test_client(), encoder, wakes)


@contextmanager
def closing(servers: list[Server]) -> Iterator[None]:
    try:
        yield
    finally:
        for server in servers:
            server.app.extensions["twinspace"].close()
            server.services.close()


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EdgeStore]:
    """Making the files of a store takes longer than most tests: one is made, and emptied after each."""
    store = EdgeStore(tmp_path_factory.mktemp("vectors"))
    yield store
    store.close()


@pytest.fixture
def start(tmp_path: Path, vectors: EdgeStore) -> Iterator[Start]:
    """Starts servers, each over a folder and with settings of its own."""
    running: list[Server] = []

    def begin(folder: str = "data", **settings: Any) -> Server:
        running.append(open_server(tmp_path / folder, vectors, **settings))
        return running[-1]

    with closing(running):
        yield begin
    for space, kind in itertools.product(vectors.spaces(), KINDS):
        if ids := vectors.scroll(space, kind)[0]:
            vectors.delete(space, kind, ids)


@pytest.fixture
def server(start: Start) -> Server:
    return start()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared by tests of requests that are refused: nothing is ever in it."""
    server = open_server(tmp_path_factory.mktemp("empty"))
    with closing([server]):
        yield server
        assert server.client.get("/v1/items").json == {"items": [], "next_cursor": None}
