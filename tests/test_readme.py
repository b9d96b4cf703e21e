"""The README's commands are run as they stand, and its table of settings is the table of settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from backend.settings import Settings
from tests.support.server import REPOSITORY, Server

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("skimage", reason="The photos come with scikit-image: pip install scikit-image.")
    folder = tmp_path_factory.mktemp("readme")
    with Server(folder / "data", encoder="twinspace-mini", range_fields="rating:number") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for name, source in (("cat.png", "chelsea.png"), ("coffee.png", "coffee.png")):
        (tmp_path / "photos" / name).write_bytes((files("skimage.data") / source).read_bytes())
    (tmp_path / "captions.csv").write_text("image,caption\ncat.png,a tabby cat\n")
    return tmp_path


def test_blocks_are_marked() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "sh", "python", *["sh"] * 5, "python"]


@pytest.mark.parametrize(("language", "code"), BLOCKS)
def test_commands_work_as_they_stand(language: str, code: str, server: Server, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TWINSPACE_URL": server.url, "XDG_CACHE_HOME": str(folder)}
    if language == "python":
        code = code.replace("Client()", f"Client({server.url!r})")
        command = [sys.executable, "-c", code]
    else:
        command = ["bash", "-euo", "pipefail", "-c", code.replace("curl -s", "curl -sS --fail-with-body")]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"cat|coffee|0\.", done.stdout)


def test_every_setting_is_in_the_table() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert documented == [name.upper() for name in Settings.model_fields]


def test_what_is_linked_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
