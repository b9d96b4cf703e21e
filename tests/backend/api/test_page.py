"""The page's files as they are served, with and without keys, and as they are packed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import backend
from tests.backend.api.conftest import Server

PAGE = Path(backend.__file__).parent / "page"
FILES = sorted(str(path.relative_to(PAGE)) for path in PAGE.rglob("*") if path.is_file())
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def test_the_page_is_open_where_the_api_wants_a_key(start: Callable[..., Server]) -> None:
    server = start(api_keys="secret")
    assert server.client.get("/v1/stats").status_code == 401
    page = server.client.get("/")
    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_its_type_and_is_asked_for_again(empty: Server, name: str) -> None:
    answer = empty.client.get(f"/page/{name}")
    assert answer.status_code == 200
    assert answer.mimetype == TYPES[Path(name).suffix]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-cache"
    again = empty.client.get(f"/page/{name}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "name", ["nowhere.js", "../api/page.py", "..%2fapi%2fpage.py", "%2e%2e/settings.py", "lib", ""]
)
def test_nothing_else_is_served(empty: Server, name: str) -> None:
    answer = empty.client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert answer.json["code"] == "not_found"


def test_what_the_page_refers_to_is_there() -> None:
    index = (PAGE / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'(?:src|href)="page/([^"]+)"', index)) <= set(FILES)
    for name in FILES:
        if name.endswith(".js"):
            code = (PAGE / name).read_text(encoding="utf-8")
            for target in re.findall(r'from "(\.[^"]+)"', code):
                assert (PAGE / name).parent.joinpath(target).is_file(), (name, target)


@pytest.mark.slow
def test_a_wheel_brings_the_page_along(tmp_path: Path) -> None:
    source = tmp_path / "source"
    ignore = shutil.ignore_patterns("__pycache__", "*.safetensors", "*.npz")
    for name in ("backend", "encoders", "workers"):
        shutil.copytree(PAGE.parents[1] / name, source / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PAGE.parents[1] / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, source]
    subprocess.run(command, check=True, timeout=240)
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    assert {f"backend/page/{name}" for name in FILES} <= packed
