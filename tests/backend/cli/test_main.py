"""What every command has in common: quick help, and one line for what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from backend.cli import app
from tests.backend.cli.conftest import Cli
from tests.support.scripted import BUSY, Scripted, hangs_up, says

COMMANDS = tuple(typer.main.get_group(app).commands)
NOWHERE = "http://127.0.0.1:9"


def test_help_and_version_import_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "numpy", "flask", "httpx", "rich", "sqlalchemy")
    program = (
        "import sys; from backend.cli import run\n"
        "assert run(['--help']) == run(['--version']) == run(['eval', '--help']) == 0\n"
        f"loaded = set({heavy}) & set(sys.modules); sys.exit(' '.join(loaded) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in COMMANDS)


def test_the_console_script_is_installed() -> None:
    script = Path(sys.executable).with_name("twinspace")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout.startswith("twinspace ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    result = cli(command, "--help")
    assert result.code == 0
    assert f"twinspace {command}" in result.out
    assert not re.search(r"--\S+ +<list", result.out)  # No type of Python's where a word says what is meant.


def test_without_a_command_it_explains_itself_without_breaking_off(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out = cli().out
    assert "Commands" in out
    assert "..." not in out.partition("Commands")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["--fly"],
        ["search", "--fly"],
        ["search"],
        ["search", "cat", "--limit", "0"],
        ["search", "cat", "--limit", "many"],
        ["search", "cat", "--min-relevance", "1.5"],
        ["search", "cat", "--min-relevance", "nan"],
        ["search", "cat", "--diversify", "-0.5"],
        ["search", "--image", "/nowhere.jpg"],
        ["index"],
        ["index", "/nowhere"],
        ["index", "/tmp", "--captions", "/nowhere.csv"],
        ["serve", "--port", "65536"],
        ["optimize"],
        ["optimize", "--data", "/nowhere"],
        ["eval", "--images", "/tmp"],
        ["eval", "--images", "/tmp", "--captions", "/nowhere.json"],
        ["eval", "--images", "/tmp", "--captions", "/tmp", "--language", "fr"],
    ],
)
def test_a_wrong_call_takes_one_line(cli: Cli, arguments: list[str]) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("url", [NOWHERE, "nonsense", "ftp://x", "http://", "http://no.such.host.invalid"])
@pytest.mark.parametrize("command", [["status"], ["search", "cat"]])
def test_a_server_that_cannot_be_reached_takes_one_line(cli: Cli, command: list[str], url: str) -> None:
    result = cli(*command, "--url", url)
    assert result.code == 1
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1


def test_the_address_may_come_from_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWINSPACE_URL", NOWHERE)
    assert NOWHERE in cli("status").err


def test_a_server_of_another_kind_is_recognised(cli: Cli) -> None:
    with Scripted(says(200, b"<html>welcome</html>")) as stranger:
        result = cli("status", "--url", stranger.url)
    assert result.code == 1
    assert "no Twinspace server" in result.err


def test_a_busy_server_is_asked_again_and_a_missing_one_is_not(cli: Cli) -> None:
    nothing = {"images": [], "captions": [], "next_cursor": None, "space": "x", "took_ms": {}}
    with Scripted(says(503, BUSY, Retry_After="0"), says(200, nothing)) as server:
        assert cli("search", "cat", "--json", "--url", server.url).json == nothing
    with Scripted(hangs_up) as server:
        assert cli("search", "cat", "--url", server.url).code == 1
        assert server.requests == 1


@pytest.mark.parametrize(
    "arguments", [["caf\udce9"], ["cat", "--tag", "caf\udce9"], ["cat", "--where", "caf\udce9"]]
)
def test_what_cannot_be_sent_takes_one_line(cli: Cli, arguments: list[str]) -> None:
    result = cli("search", *arguments, "--url", NOWHERE)
    assert result.code == 1
    assert result.err.startswith("Error: This cannot be sent: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"), [("TWINSPACE_HTTP_THREADS", "many"), ("TWINSPACE_API_KEYS", "a,a")]
)
def test_a_wrong_setting_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = cli("serve", "--data", tmp_path)
    assert result.code == 1
    assert name in result.err
    assert result.err.count("\n") == 1
