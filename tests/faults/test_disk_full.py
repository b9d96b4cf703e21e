"""A disk without room: a clear refusal, nothing half written, and work as before once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from backend.client import ApiError, Client
from backend.settings import MEBIBYTE
from backend.store.edge_room import SHARE
from tests.faults.conftest import MakeServer
from tests.support.pictures import encoded
from tests.support.server import Server

DISK = 640 * MEBIBYTE
SMALL_DISK = 200 * MEBIBYTE


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of its own, of 640 MiB unless the test says another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = getattr(request, "param", DISK)
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"Cannot mount a tmpfs here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def noise(seed: int) -> bytes:
    """A picture of about a megabyte that does not compress."""
    pixels = np.random.default_rng(seed).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


def fill_disk(folder: Path, left: int) -> Path:
    """As another program would."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free(folder) - left)
    return ballast


def free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def upload_until_full(client: Client, most: int = 40) -> tuple[list[str], ApiError]:
    accepted: list[str] = []
    for number in range(most):
        try:
            accepted += [item.id for item in client.upload([(f"{number}.png", noise(number))]).items]
        except ApiError as error:
            return accepted, error
    raise AssertionError("The disk did not fill up.")


def names_the_disk(url: str) -> bool:
    answer = httpx.get(f"{url}/readyz", timeout=30)
    return answer.status_code == 503 and "MiB left" in answer.json()["checks"]["store"]["detail"]


def originals(server: Server) -> list[Path]:
    return [path for path in (server.data / "originals").rglob("*") if path.is_file()]


def test_a_full_disk_is_said_and_survived(make_server: MakeServer, disk: Path) -> None:
    server = make_server(data=disk / "data").start()
    with server.client(patience=0) as client:
        early = [item.id for item in client.upload([("early.png", noise(1000))]).items]
        client.wait(early, seconds=60)
        ballast = fill_disk(disk, DISK // SHARE + 8 * MEBIBYTE)
        accepted, error = upload_until_full(client)
        assert (error.status, error.code) == (507, "storage_full")
        assert accepted
        assert {item.status for item in client.wait(accepted, seconds=60)} == {"indexed"}
        with pytest.raises(ApiError) as refused:
            client.add_captions([{"text": "no room for this"}])
        assert refused.value.status == 507
        server.wait_for(lambda: names_the_disk(server.url))
        assert client.search("red", limit=1000).images, "It still searches."
        listed = {item.id for item in client.list_items()}
        assert listed == {*early, *accepted}, "What was refused is not there."
        ballast.unlink()
        later = [item.id for item in client.upload([("later.png", noise(2000))]).items]
        assert {item.status for item in client.wait(later, seconds=90)} == {"indexed"}
        assert len(originals(server)) == len(early) + len(accepted) + len(later), "No half is left."
    assert server.stop() == 0


def test_deleting_frees_a_full_disk(make_server: MakeServer, disk: Path) -> None:
    server = make_server(data=disk / "data").start()
    with server.client(patience=0) as client:
        ids = [item.id for n in range(12) for item in client.upload([(f"{n}.png", noise(n))]).items]
        client.wait(ids, seconds=60)
        ballast = fill_disk(disk, 4 * MEBIBYTE)
        for id in ids[2:]:
            client.delete(id)
        server.wait_for(lambda: len(originals(server)) == 2)
        assert free(disk) > 12 * MEBIBYTE
        assert {hit.id for hit in client.search("red", limit=1000).images} == set(ids[:2])
        ballast.unlink()
        again = client.upload([("2.png", noise(2))]).items
        assert [item.status for item in client.wait([again[0].id], seconds=60)] == ["indexed"]
        assert {hit.id for hit in client.search("red", limit=1000).images} == set(ids[:3])
    assert server.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("disk", [SMALL_DISK], indirect=True)
def test_a_small_disk_is_enough_for_a_small_collection(make_server: MakeServer, disk: Path) -> None:
    server = make_server(data=disk / "data").start()
    with server.client(patience=0) as client:
        accepted, error = upload_until_full(client, 150)
        assert error.status == 507
        assert len(accepted) > 30
        assert {item.status for item in client.wait(accepted, seconds=90)} == {"indexed"}
        assert len(client.search("red", limit=1000).images) == len(accepted)
    assert server.stop() == 0


@pytest.mark.parametrize("disk", [SMALL_DISK], indirect=True)
def test_a_server_starts_on_a_full_disk(make_server: MakeServer, disk: Path) -> None:
    """Loading vectors takes room where the disk is memory, and taking what is not there kills the process."""
    server = make_server(data=disk / "data").start()
    with server.client(patience=0) as client:
        ids = [item.id for item in client.upload([("0.png", noise(0)), ("1.png", noise(1))]).items]
        client.wait(ids, seconds=60)
    assert server.stop() == 0
    ballast = fill_disk(disk, 8 * MEBIBYTE)

    server.start(wait=False)
    server.wait_for(lambda: names_the_disk(server.url))
    with server.client(patience=0) as client:
        with pytest.raises(ApiError) as refused:
            client.search("red")
        assert (refused.value.status, refused.value.code) == (507, "storage_full")
        assert {item.id for item in client.list_items()} == set(ids)
        ballast.unlink()
        assert {hit.id for hit in client.search("red", limit=1000).images} == set(ids)
    assert server.stop() == 0


@pytest.mark.parametrize("disk", [40 * MEBIBYTE], indirect=True)
def test_a_disk_too_small_for_any_vectors_takes_no_uploads(make_server: MakeServer, disk: Path) -> None:
    server = make_server(data=disk / "data").start(wait=False)
    with server.client(patience=0) as client:
        accepted, error = upload_until_full(client)
    assert accepted == [], "Nothing that could not be indexed is accepted."
    assert (error.status, error.code) == (507, "storage_full")
    assert originals(server) == []
    assert server.stop() == 0
