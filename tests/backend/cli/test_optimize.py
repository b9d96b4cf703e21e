from __future__ import annotations

from pathlib import Path

from tests.backend.cli.conftest import Cli
from tests.support.pictures import jpeg
from tests.support.server import Server


def test_it_refuses_a_folder_in_use_and_then_changes_no_answer(cli: Cli, tmp_path: Path) -> None:
    server = Server(tmp_path / "data").start()
    try:
        with server.client() as client:
            answer = client.upload([(f"{n}.jpg", jpeg((n, 0, 255 - n), seed=n)) for n in range(60)])
            client.wait([item.id for item in answer.items], seconds=30)
            before = client.search("red", limit=60).images
        in_use = cli("optimize", "--data", server.data)
        assert in_use.code == 1
        assert str(server.process.pid) in in_use.err
        assert server.stop() == 0
        assert cli("optimize", "--data", server.data).code == 0
        server.start()
        with server.client() as client:
            assert client.search("red", limit=60).images == before
    finally:
        server.kill()


def test_a_folder_of_something_else_is_refused(cli: Cli, tmp_path: Path) -> None:
    result = cli("optimize", "--data", tmp_path)
    assert result.code == 1
    assert "no data folder" in result.err
    assert list(tmp_path.iterdir()) == []
