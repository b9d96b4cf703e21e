"""The demo as `make demo` runs it: in an empty folder, with the real encoder and the real photos."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.support.ports import listens
from tests.support.server import REPOSITORY

SEARCHES = {
    "Words to pictures: “a cat looking at something”": "chelsea.png",
    "Picture to captions: rocket.jpg": "A rocket stands on its launch pad at dusk.",
    "Picture to pictures: motorcycle_left.png": "motorcycle_right.png",
}


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """In a process group of its own, as a terminal's Ctrl-C means the demo and its server."""
    pytest.importorskip("skimage", reason="The photos come with scikit-image: pip install scikit-image.")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli.demo", *arguments],
        cwd=folder,
        env={**environment, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def best_answers(said: str) -> dict[str, str]:
    """The first row under each title."""
    return dict(re.findall(r"\n(.+)\n  rank .*\n +1  0\.\d{3}  (.+)\n", said))


def port_of(said: str) -> int:
    match = re.search(r"page is at http://127\.0\.0\.1:(\d+)/", said)
    assert match, said
    return int(match[1])


def serving(process: subprocess.Popen[str]) -> str:
    """What it said until it served on."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Serving until Ctrl-C"):
            break
    return said


def test_it_answers_three_searches_and_serves_until_ctrl_c(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        said = serving(process)
        assert best_answers(said) == SEARCHES, said
        port = port_of(said)
        for page in ("/", "/docs"):
            assert httpx.get(f"http://127.0.0.1:{port}{page}", trust_env=False).status_code == 200
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, out + err
    assert "Traceback" not in err + (tmp_path / "demo-data" / "server.log").read_text()
    assert not listens(port)


@pytest.mark.slow
def test_asked_to_end_it_takes_its_server_along(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        port = port_of(serving(process))
        process.terminate()
        process.communicate(timeout=30)
    assert not listens(port)


@pytest.mark.slow
def test_once_it_ends_by_itself_and_again_finds_the_same(tmp_path: Path) -> None:
    for _ in range(2):
        with demo(tmp_path, "--once") as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert best_answers(out) == SEARCHES
        assert "Ctrl-C" not in out
        assert not listens(port_of(out))


def test_make_passes_once_on() -> None:
    for arguments, wanted in ((("demo",), []), (("demo", "ONCE=1"), ["--once"])):
        done = subprocess.run(
            ["make", "--no-print-directory", "--dry-run", *arguments],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1].split()[1:] == ["-m", "backend.cli.demo", *wanted]
