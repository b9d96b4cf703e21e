"""The Dockerfile copies only what reaches the build, and what the image runs is in it."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
HEALTHCHECK = ROOT / "deploy/healthcheck.py"


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_what_is_copied_exists_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == allowed
    assert all((ROOT / source).exists() for source in copied())


def test_everything_else_stays_outside() -> None:
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_every_package_of_ours_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages <= set(copied())


def test_one_file_builds_for_cpu_and_cuda() -> None:
    assert re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE) == ["BASE_IMAGE", "TORCH_INDEX"]
    assert len(re.findall(r"^FROM \$\{BASE_IMAGE\}", DOCKERFILE, re.MULTILINE)) == 3


def test_a_new_version_of_ours_leaves_the_layer_of_the_dependencies_as_it_is() -> None:
    """Neither our code nor our version number, which stands in pyproject.toml, goes into it."""
    stages = dict(
        re.findall(r"^FROM \S+(?: AS (\w+))?\n(.*?)(?=^FROM|\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
    )
    assert re.findall(r"^COPY (.+)$", stages["dependencies"], re.MULTILINE) == [
        "--from=requirements /source/requirements.txt ./"
    ]
    layers = re.findall(r"^COPY --from=(\w+) \S+ /opt/twinspace$", stages[""], re.MULTILINE)
    assert layers == ["dependencies", "build"]


def test_it_does_not_run_as_root() -> None:
    last_user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1]
    assert last_user.split(":")[0] not in ("0", "root")


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 0), (404, 1), (503, 1)])
def test_the_health_check_believes_success_only(status: int, code: int) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        command = [sys.executable, HEALTHCHECK, f"http://127.0.0.1:{server.server_port}/healthz"]
        assert subprocess.run(command, capture_output=True).returncode == code
        server.shutdown()


@pytest.mark.parametrize(("line", "code"), [("connected 1.0", 0), ("connected 0.0", 1), ("nected 1.0", 1)])
def test_the_health_check_looks_for_a_line(line: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("# TYPE connected gauge\nconnected 1.0\n")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        command = [sys.executable, HEALTHCHECK, f"http://127.0.0.1:{server.server_port}/metrics", line]
        assert subprocess.run(command, capture_output=True).returncode == code
        server.shutdown()


def test_the_health_check_fails_where_nobody_listens() -> None:
    command = [sys.executable, HEALTHCHECK, "http://127.0.0.1:1/healthz"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "http://127.0.0.1:1/healthz" in done.stderr
