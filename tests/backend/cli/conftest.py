"""The command line in this process, against real servers with the quick encoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backend.cli import run
from tests.support.pictures import jpeg
from tests.support.server import Server

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("COLUMNS", "160")
    for name in ("TWINSPACE_URL", "TWINSPACE_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str | Path) -> Result:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures: red.jpg, green.jpg and, one level down, blue.jpg."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    for name, colour in COLOURS.items():
        place = folder / "deeper" if name == "blue" else folder
        (place / f"{name}.jpg").write_bytes(jpeg(colour))
    (folder / "notes.txt").write_text("no picture, and not named like one")
    return folder


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("running") / "data") as server:
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """An empty one, which is empty again afterwards."""
    yield running
    with running.client() as client:
        for kind in ("image", "caption"):
            for item in list(client.list_items(kind=kind)):
                client.delete(item.id)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with three pictures and a caption, which nobody changes."""
    with Server(tmp_path_factory.mktemp("filled") / "data") as server:
        with server.client() as client:
            answer = client.upload([(f"{name}.jpg", jpeg(colour)) for name, colour in COLOURS.items()])
            ids = [item.id for item in answer.items]
            ids += [item.id for item in client.add_captions([{"text": "a [red] thing"}]).items]
            client.wait(ids, seconds=30)
        yield server
