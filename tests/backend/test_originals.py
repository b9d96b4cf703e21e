from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from backend.errors import NotFound, StorageFull, Unavailable
from backend.originals import Originals
from tests.support.s3_stand_in import s3

ID = "ab345678-1234-5678-9abc-123456789abc"


@pytest.fixture(params=["folder", "memory", "s3"])
def originals(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Originals]:
    if request.param == "s3":
        with s3():
            yield Originals("s3://bucket")
    else:
        memory = request.param == "memory"
        yield Originals(f"memory://{uuid4()}" if memory else str(tmp_path / "not" / "there" / "yet"))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_keeps_bytes_under_a_key_of_each_upload(originals: Originals) -> None:
    first, second = originals.put(ID, b"one", "jpg"), originals.put(ID, b"two", ".PNG")
    assert first != second
    assert first.startswith(f"originals/ab/{ID}-")
    assert second.endswith(".png")
    assert (originals.get(first), originals.get(second)) == (b"one", b"two")


def test_keeps_a_thumbnail_an_item(originals: Originals) -> None:
    originals.put_thumbnail(ID, b"old")
    originals.put_thumbnail(ID, b"new")
    assert originals.get_thumbnail(ID) == b"new"


def test_deleting_one_upload_leaves_the_next_one(originals: Originals) -> None:
    old, new = originals.put(ID, b"old", "jpg"), originals.put(ID, b"new", "jpg")
    originals.put_thumbnail(ID, b"small")
    originals.delete(ID, old)
    assert originals.get(new) == b"new"
    for missing in (lambda: originals.get(old), lambda: originals.get_thumbnail(ID)):
        with pytest.raises(NotFound):
            missing()
    originals.delete(ID, old)
    originals.delete(ID, None)
    originals.delete_original(new)
    with pytest.raises(NotFound):
        originals.get(new)


@pytest.mark.parametrize("key", ["../secret", "originals/../../secret"])
def test_keys_stay_inside(tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(NotFound):
        Originals(str(tmp_path / "data")).get(key)


@pytest.mark.parametrize("extension", ["", "a/b", "../x", "jpg\0", "x" * 9])
def test_an_extension_is_no_path(originals: Originals, extension: str) -> None:
    with pytest.raises(ValueError, match="extension"):
        originals.put(ID, b"", extension)


def test_check_writes_reads_and_leaves_nothing(tmp_path: Path) -> None:
    originals = Originals(str(tmp_path))
    originals.check()
    assert files(tmp_path) == []


def test_lists_a_shard_with_ages(originals: Originals) -> None:
    key = originals.put(ID, b"one", "jpg")
    originals.put_thumbnail(ID, b"small")
    originals.put(ID.replace("ab", "cd", 1), b"other", "jpg")
    stored = sorted(originals.stored(0xAB), key=lambda each: each.key)
    assert [(each.key, each.item_id, each.is_original) for each in stored] == [
        (key, ID, True),
        (f"thumbnails/ab/{ID}.webp", ID, False),
    ]
    assert all(abs(each.modified - datetime.now(UTC)) < timedelta(minutes=1) for each in stored)
    assert list(originals.stored(0)) == []


def test_what_another_process_stored_in_a_folder_that_was_listed_is_there() -> None:
    with s3() as server:
        originals = Originals("s3://bucket")
        first = originals.put(ID, b"one", "jpg")
        assert [stored.key for stored in originals.stored(0xAB)] == [first]
        second = f"originals/ab/{ID}-0123456789abcdef.jpg"
        server.objects[second] = b"two"
        assert originals.exists(second)
        assert originals.get(second) == b"two"
        assert {stored.key for stored in originals.stored(0xAB)} == {first, second}


def test_many_threads_make_the_same_folders(tmp_path: Path) -> None:
    originals = Originals(str(tmp_path / "data"))
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda n: originals.put(ID, str(n).encode(), "jpg"), range(40)))
    assert [originals.get(key) for key in keys] == [str(n).encode() for n in range(40)]


def test_a_file_is_flushed_before_it_appears_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = Originals(str(tmp_path))
    originals.put(ID, b"makes the folders", "jpg")
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(f"fsync {target.suffix or 'folder'}")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    originals.put(ID, b"x", "jpg")
    assert steps == ["fsync .part", "rename", "fsync folder"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_folder_is_told_apart_and_nothing_half_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    originals = Originals(str(tmp_path))

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull):
        originals.put(ID, b"x" * 1000, "jpg")
    assert files(tmp_path) == []


class Broken(MemoryFileSystem):
    """A filesystem of the network on a bad day."""

    protocol = "broken"
    cachable = False
    error: Exception = OSError(errno.EIO, "input/output error")

    def pipe_file(self, *_: Any, **__: Any) -> None:
        raise self.error

    def cat_file(self, *_: Any, **__: Any) -> bytes:
        raise self.error

    def rm_file(self, *_: Any, **__: Any) -> None:
        raise self.error


@pytest.fixture
def broken() -> Iterator[type[Broken]]:
    fsspec.register_implementation("broken", Broken, clobber=True)
    error = Broken.error
    yield Broken
    Broken.error = error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "?"), TimeoutError(), RuntimeError("its very own")])
def test_storage_that_does_not_answer_is_unavailable(broken: type[Broken], error: Exception) -> None:
    broken.error = error
    originals = Originals("broken://bucket")
    for call in (
        lambda: originals.put(ID, b"x", "jpg"),
        lambda: originals.get("originals/ab/x.jpg"),
        lambda: originals.delete(ID, None),
        originals.check,
    ):
        with pytest.raises(Unavailable):
            call()


def test_a_full_storage_of_the_network_is_told_apart(broken: type[Broken]) -> None:
    broken.error = OSError(errno.ENOSPC, "no space left")
    with pytest.raises(StorageFull):
        Originals("broken://bucket").put(ID, b"x", "jpg")


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    originals = Originals(str(tmp_path / "data"))
    with pytest.raises(Unavailable):
        originals.put(ID, b"x", "jpg")
    with pytest.raises(Unavailable):
        originals.check()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("This needs the right to mount a tmpfs.")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    originals = Originals(str(small_disk))
    kept: list[str] = []

    def fill() -> None:
        while len(kept) < 20:
            kept.append(originals.put(ID, os.urandom(40_000), "jpg"))

    with pytest.raises(StorageFull):
        fill()
    assert 0 < len(kept) < 20
    assert files(small_disk) == sorted(kept), "nothing half written"
    assert all(len(originals.get(key)) == 40_000 for key in kept)
    originals.delete_original(kept.pop())
    originals.put(ID, os.urandom(40_000), "jpg")
