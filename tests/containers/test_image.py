"""The image, built and run for real: as nobody in particular, on a read-only root, with a key of its own.

Skipped where Docker is not reachable or has no base image (`docker pull python:3.11-slim-bookworm`).
TWINSPACE_TEST_BASE_IMAGE names another one, TWINSPACE_TEST_BUILD_OPTIONS more options for `docker build`,
TWINSPACE_TEST_IMAGE an image to take instead of building one.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.pictures import encoded, picture

ROOT = Path(__file__).parent.parent.parent
BASE_IMAGE = os.environ.get("TWINSPACE_TEST_BASE_IMAGE", "python:3.11-slim-bookworm")
BUILD_OPTIONS = shlex.split(os.environ.get("TWINSPACE_TEST_BUILD_OPTIONS", ""))
HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
SECONDS = 120

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def docker(*arguments: str, check: bool = True) -> str:
    environment = os.environ | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, env=environment)
    assert not check or done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> str:
    if shutil.which("docker") is None or not docker(
        "version", "--format", "{{.Server.Version}}", check=False
    ):
        pytest.skip("Docker is not reachable: the image is not tried.")
    if given := os.environ.get("TWINSPACE_TEST_IMAGE"):
        return given
    if not docker("images", "--quiet", BASE_IMAGE):
        pytest.skip(f"Docker has no image {BASE_IMAGE}: nothing is downloaded for a test.")
    tag = "twinspace:test"
    arguments = ["--build-arg", f"BASE_IMAGE={BASE_IMAGE}", *BUILD_OPTIONS, "--tag", tag, str(ROOT)]
    docker("build", "--file", str(ROOT / "deploy/Dockerfile"), *arguments)
    return tag


@pytest.fixture
def container(image: str) -> Iterator[tuple[str, str]]:
    """A plain `docker run`, hardened: its name and its address."""
    name = f"twinspace-{uuid.uuid4().hex[:12]}"
    docker(
        "run", "--detach", "--name", name, *HARDENED, "--volume", name, "--publish", "127.0.0.1::8000", image
    )
    try:
        yield name, f"http://{docker('port', name, '8000').splitlines()[0]}"
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def until(condition: Any, name: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if (value := condition()) is not None:
                return value
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(docker("logs", name, check=False)[-3000:])


def test_a_plain_run_serves_the_embedded_profile(container: tuple[str, str]) -> None:
    name, url = container
    until(lambda: httpx.get(f"{url}/healthz").status_code == 200 or None, name)
    assert httpx.get(f"{url}/v1/stats").status_code == 401, "a published port must not be open to everybody"

    headers = {"Authorization": f"Bearer {docker('exec', name, 'cat', '/data/api-key')}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        answer = client.post("/v1/images", files={"file": ("red.jpg", encoded(picture()))})
        assert answer.status_code == 202, answer.text
        id = answer.json()["items"][0]["id"]
        until(lambda: client.get(f"/v1/items/{id}").json()["status"] == "indexed" or None, name)
        assert [hit["id"] for hit in client.get("/v1/search?q=red").json()["images"]] == [id]
        assert client.get("/readyz").status_code == 200

    until(lambda: docker("inspect", name, "--format", "{{.State.Health.Status}}") == "healthy" or None, name)
    docker("stop", "--time", "20", name)
    assert docker("inspect", name, "--format", "{{.State.ExitCode}}") == "0", "it ends by itself when told to"

    docker("start", name)
    again = f"http://{docker('port', name, '8000').splitlines()[0]}/v1/stats"
    stats = until(lambda: httpx.get(again, headers=headers).json(), name)
    assert stats["images"] == 1, "data and key outlive the container's process"


def test_it_runs_as_a_user_without_rights_and_writes_nowhere_else(container: tuple[str, str]) -> None:
    name, _ = container
    assert docker("exec", name, "id", "--user") == "10001"
    for folder in ("/", "/opt/twinspace", "/usr/local/lib/twinspace", "/etc"):
        assert docker("exec", name, "sh", "-c", f"touch {folder}/x 2>/dev/null || echo refused") == "refused"
    assert docker("exec", name, "sh", "-c", "touch /data/x /tmp/x && echo written") == "written"


@pytest.mark.parametrize("tool", ["gcc", "cc", "make", "git", "pip", "pip3"])
def test_no_build_tools_are_in_it(image: str, tool: str) -> None:
    found = docker("run", "--rm", "--entrypoint", "sh", image, "-c", f"command -v {tool} || echo none")
    assert found == "none"


@pytest.mark.parametrize("installer", ["pip", "ensurepip"])
@pytest.mark.parametrize("python", ["python3", "/usr/local/bin/python3"])
def test_nothing_can_be_installed_in_it(image: str, python: str, installer: str) -> None:
    look = f"{python} -m {installer} --version 2>/dev/null || echo none"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", look) == "none"


@pytest.mark.parametrize("command", ["serve", "api", "worker", "beat", "migrate", "doctor"])
def test_one_image_runs_every_part(image: str, command: str) -> None:
    assert f"twinspace {command}" in docker("run", "--rm", *HARDENED, image, command, "--help")


def test_the_doctor_finds_nothing_wrong_in_it(image: str) -> None:
    findings = json.loads(docker("run", "--rm", *HARDENED, image, "doctor", "--json"))
    # How full the disk is says nothing of the image.
    assert {finding["level"] for finding in findings if finding["part"] != "disk"} == {"ok"}, findings


def test_no_secret_of_the_build_stays(image: str) -> None:
    look = "test -s /etc/pip.conf && echo there || echo gone"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", look) == "gone"
