"""The README's commands are run as they stand, and its table of settings is the table of settings."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from backend.cli import app
from backend.settings import Settings
from tests.support.server import REPOSITORY, Server

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- run -->\n```(\w+)\n(.*?)```", README, re.DOTALL)
CAT, COFFEE = (rf"│ 1 +│[^\n]* image +│ {name}\.png " for name in ("cat", "coffee"))
SAYS_TABBY, SAYS_COFFEE = (rf"│ 1 +│[^\n]* caption +│ a {words} " for words in ("tabby cat", "cup of coffee"))
PAIR = ('"kind":"image"', '"kind":"caption"')
ANSWERS = [
    (),
    ("2 pictures and 2 captions uploaded", CAT, SAYS_TABBY, '"filename": "cat.png"', r"images +2\n"),
    ('"duplicate":true', *['"filename":"cat.png"'] * 3, '"images":\\[\\],.*"text":"a tabby cat"'),
    (r"0\.[5-9]\d\d [0-9a-f-]{36}\n",),
    (CAT, r"│ -0\.\d+ +│[^\n]*coffee\.png", CAT, SAYS_COFFEE),
    (CAT, "Nothing found: no item meets all conditions"),
    (CAT, SAYS_TABBY, COFFEE, SAYS_COFFEE + "(?!.*tabby)"),
    ('"duplicate":true', COFFEE, SAYS_COFFEE, '"merged":\\[', *PAIR * 2, '"value":"pets","count":2'),
    ('"labels":\\[{"label":"a cat",[^}]*"probability":0\\.9', "一匹马"),
    (r"0\.\d+ [0-9a-f-]{36}\n", "a cat ", "a dog ", r"Facet\(value='pets', count=2\)"),
]
"""What each block prints, in this order: a word or an option that went unheard would change it."""
COMMANDS = re.findall(r"twinspace (\w+)([^`\n]*)", README)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    pytest.importorskip("skimage", reason="The photos come with scikit-image: pip install scikit-image.")
    folder = tmp_path_factory.mktemp("readme")
    with Server(folder / "data", encoder="twinspace-mini", range_fields="rating:number") as running:
        yield running


def test_blocks_are_marked() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "sh", "sh", "python", *["sh"] * 5, "python"]


def test_the_tour_works_as_it_stands(server: Server, tmp_path: Path) -> None:
    for (language, code), expected in zip(BLOCKS, ANSWERS, strict=True):
        for _ in range(5):  # What was uploaded in a block can be found a moment later.
            said = run(language, code, server, tmp_path)
            if re.search(".*".join(expected), said, re.DOTALL):
                break
            time.sleep(1)
        else:
            pytest.fail(f"{code}\n{said}")


def run(language: str, code: str, server: Server, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TWINSPACE_URL": server.url, "XDG_CACHE_HOME": str(folder)}
    if language == "python":
        code = code.replace("Client()", f"Client({server.url!r})")
        command = [sys.executable, "-c", code]
    else:
        command = ["bash", "-euo", "pipefail", "-c", code.replace("curl -s", "curl -sS --fail-with-body")]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_commands_have_the_options_that_are_named() -> None:
    commands = typer.main.get_group(app).commands
    named = [(command, text) for command, text in COMMANDS if command in commands]
    assert {"serve", "index", "search", "calibrate", "optimize", "eval", "train"} <= {
        name for name, _ in named
    }
    for command, text in named:
        known = {name for option in commands[command].params for name in option.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", text)) <= known, command


def test_calibrating_is_for_the_server_that_was_started() -> None:
    folders = {command: re.findall(r"--data (\S+)", text) for command, text in COMMANDS if "--data" in text}
    assert set(folders) == {"serve", "calibrate", "optimize"}
    assert set(map(tuple, folders.values())) == {("my-data",)}


def test_every_setting_is_in_the_table() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)
    assert documented == [name.upper() for name in Settings.model_fields]


def test_what_is_linked_is_there() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
