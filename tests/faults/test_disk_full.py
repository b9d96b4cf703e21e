"""A disk without room: a clear refusal, nothing half written, and work as before once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.client import ApiError, Client
from tests.faults.conftest import MakeServer
from tests.support.pictures import encoded

MEBIBYTE = 1024 * 1024
DISK = 640 * MEBIBYTE
LEFT = 6 * MEBIBYTE


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mount.returncode:
        pytest.skip(f"Cannot mount a tmpfs here: {mount.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def noise(seed: int) -> bytes:
    """A picture of about a megabyte that does not compress."""
    pixels = np.random.default_rng(seed).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), "PNG")


def fill_disk(folder: Path) -> Path:
    """Leaves so little room that a few pictures fit."""
    ballast = folder / "ballast"
    space = os.statvfs(folder)
    size = space.f_bavail * space.f_frsize - LEFT
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return ballast


def upload_until_full(client: Client) -> tuple[list[str], ApiError]:
    accepted: list[str] = []
    for number in range(40):
        try:
            accepted += [item.id for item in client.upload([(f"{number}.png", noise(number))]).items]
        except ApiError as error:
            return accepted, error
    raise AssertionError("The disk did not fill up.")


def test_a_full_disk_is_said_and_survived(make_server: MakeServer, disk: Path) -> None:
    server = make_server(data=disk / "data").start()
    with server.client(patience=0) as client:
        early = [item.id for item in client.upload([("early.png", noise(1000))]).items]
        client.wait(early, seconds=60)
        ballast = fill_disk(disk)
        accepted, error = upload_until_full(client)
        assert (error.status, error.code) == (507, "storage_full")
        assert client.search("red").images[0].id == early[0], "It still searches."
        listed = {item.id for item in client.list_items()}
        assert listed == {*early, *accepted}, "What was refused is not there."
        ballast.unlink()
        later = [item.id for item in client.upload([("later.png", noise(2000))]).items]
        ended = client.wait([*accepted, *later], seconds=90)
        assert {item.status for item in ended} == {"indexed"}
        originals = {path.stem for path in (server.data / "originals").rglob("*") if path.is_file()}
        assert len(originals) == len(early) + len(accepted) + len(later), "Nothing half written is left."
    assert server.stop() == 0
