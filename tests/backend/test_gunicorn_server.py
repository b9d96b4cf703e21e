"""`twinspace api` as a process: what it accepts, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.pictures import jpeg
from tests.support.ports import free_port

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}


@contextmanager
def api(tmp_path: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}
    environment |= {"TWINSPACE_DATA": str(tmp_path / "data"), "TWINSPACE_ENCODER": "no-such-model"}
    command = [sys.executable, "-m", "backend.cli", "api", "--port", str(port), *arguments]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log, text=True)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def await_alive(process: subprocess.Popen[str], url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the API did not start")


def jsonl(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_it_accepts_uploads_before_there_is_a_model_and_ends_well(tmp_path: Path) -> None:
    with api(tmp_path) as (process, url):
        await_alive(process, url)
        with httpx.Client(base_url=url, timeout=30) as client:
            answer = client.post("/v1/images", files={"file": ("red.jpg", jpeg())})
            assert answer.status_code == 202, answer.text
            item = answer.json()["items"][0]
            assert item["status"] == "pending"
            ready = client.get("/readyz")
            assert ready.status_code == 503
            assert "no-such-model" in ready.json()["detail"]
            ids = ",".join([item["id"], *(str(uuid.uuid4()) for _ in range(999))])
            listed = client.get("/v1/items", params={"ids": ids})
            assert [each["id"] for each in listed.json()["items"]] == [item["id"]], "a long line is no error"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert any("cannot be loaded" in str(line.get("message")) for line in jsonl(tmp_path))
    assert any(line.get("path") == "/v1/images" for line in jsonl(tmp_path)), "a line a request, in JSON"


def test_it_refuses_to_be_open_to_everybody(tmp_path: Path) -> None:
    with api(tmp_path, "--host", "0.0.0.0") as (process, _):
        assert process.wait(timeout=START_SECONDS) == 1
    assert "TWINSPACE_API_KEYS" in (tmp_path / "log").read_text()


def test_a_data_folder_in_use_ends_it_with_a_reason(tmp_path: Path) -> None:
    with api(tmp_path) as (first, url):
        await_alive(first, url)
        with api(tmp_path) as (second, _):
            assert second.wait(timeout=START_SECONDS) not in (0, None)
    assert "is in use by process" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_workers_without_a_broker_say_what_is_missing(tmp_path: Path, command: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "TWINSPACE_BROKER_URL" in done.stderr
    assert len(done.stderr.splitlines()) == 1
