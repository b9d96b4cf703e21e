"""Folders that somebody was killed in, damaged, or holds open."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.errors import Unavailable
from backend.store.base import Filter, MissingSpace, Point, Query
from backend.store.edge import EdgeStore
from backend.store.shards import DAMAGED, UNFINISHED
from encoders.base import Space

SPACE = Space("shards-1", 8, "f", ("en",), "Apache-2.0")
ID = "00000000-0000-4000-8000-000000000001"
POINT = Point(ID, np.ones(8, np.float32), {"tenant": "t"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store with one image."""
    folder = tmp_path / "vectors"
    store = EdgeStore(folder)
    store.ensure_space(SPACE)
    store.upsert(SPACE.name, "image", [POINT])
    store.close()
    return folder


def shard_file(folder: Path, name: str) -> Path:
    return next((folder / f"images-{SPACE.name}").rglob(name))


def junk(path: Path) -> None:
    path.write_bytes(b"\xff" * max(64, path.stat().st_size))


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove(path: Path) -> None:
    path.unlink()


def test_what_was_half_made_or_half_removed_is_cleared_away(folder: Path) -> None:
    (folder / f"images-{SPACE.name}").rename(folder / f"{UNFINISHED}images-{SPACE.name}")
    (folder / f"{UNFINISHED}captions-other").mkdir()
    store = EdgeStore(folder)
    assert [path.name for path in folder.iterdir()] == [f"captions-{SPACE.name}"]
    store.ensure_space(SPACE)
    assert store.count(SPACE.name, "image") == 0
    store.upsert(SPACE.name, "image", [POINT])
    assert store.spaces() == [SPACE.name]
    store.close()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("segment.json", junk),
        ("segment.json", remove),
        ("edge_config.json", halve),
        ("first-index", junk),
        ("status.dat", halve),  # a panic in the engine
        ("version.info", junk),
        # With these the engine opens the folder, and breaks later.
        ("chunk_0.mmap", remove),
        ("chunk_0.mmap", junk),
        ("payload_storage/page_0.dat", junk),
    ],
)
def test_a_damaged_folder_makes_way_and_is_kept_aside(folder: Path, name: str, damage: object) -> None:
    path = next(path for path in (folder / f"images-{SPACE.name}").rglob("*") if str(path).endswith(name))
    damage(path)
    for _ in range(2):
        store = EdgeStore(folder)
        assert store.query(SPACE.name, "image", Query(np.ones(8, np.float32), 1, Filter("t"))) == []
        store.delete(SPACE.name, "image", [ID])
        with pytest.raises(MissingSpace):
            store.upsert(SPACE.name, "image", [POINT])
        assert (folder / f"{DAMAGED}images-{SPACE.name}").is_dir()
        assert store.spaces() == [SPACE.name], "of the captions"

        store.ensure_space(SPACE)
        store.upsert(SPACE.name, "image", [POINT])
        assert store.get(SPACE.name, "image", [ID])[0].id == ID
        store.close()
        # It happens again: the folder of the first time makes room.
        junk(shard_file(folder, "segment.json"))


def test_a_folder_that_cannot_be_opened_for_now_stays(folder: Path) -> None:
    code = (
        "import os, resource, sys; from pathlib import Path; from backend.store.edge import EdgeStore\n"
        "from backend.errors import Unavailable\n"
        "store = EdgeStore(Path(sys.argv[1]))\n"
        "_, most = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')), most))\n"
        "try: store.count('shards-1', 'image')\n"
        "except Unavailable as error: print(error.detail)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, most))\n"
        "print(store.count('shards-1', 'image'))"
    )
    limited = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert "Too many open files" in limited.stdout
    assert limited.stdout.endswith("\n1\n")
    assert not list(folder.glob(f"{DAMAGED}*"))


def test_a_folder_that_was_deleted_is_made_anew(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    store = EdgeStore(folder)
    assert store.spaces() == []
    store.ensure_space(SPACE)
    assert store.count(SPACE.name, "image") == 0
    store.close()


def test_foreign_files_are_left_alone(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "backup").mkdir()
    store = EdgeStore(folder)
    assert store.spaces() == [SPACE.name]
    store.optimize()
    store.close()
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "backup").is_dir()


def test_a_folder_that_vanishes_under_the_store_fails_its_check(folder: Path) -> None:
    store = EdgeStore(folder)
    store.check()
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(Unavailable, match="vectors"):
        store.check()
    store.close()


def test_a_second_process_is_told_so(folder: Path) -> None:
    store = EdgeStore(folder)
    store.query(SPACE.name, "image", Query(np.ones(8, np.float32), 1, Filter("t")))
    code = (
        "import sys; from pathlib import Path; from backend.store.edge import EdgeStore\n"
        "from backend.errors import Unavailable\n"
        "try: EdgeStore(Path(sys.argv[1])).count('shards-1', 'image')\n"
        "except Unavailable as error: print(error.detail)"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert "Another process has" in other.stdout
    assert str(folder) in other.stdout
    assert store.count(SPACE.name, "image") == 1
    store.close()


def test_shards_of_an_older_version_gain_the_indexes_they_lack(folder: Path) -> None:
    import qdrant_edge

    path = folder / f"images-{SPACE.name}"
    shard = qdrant_edge.EdgeShard.load(str(path))
    shard.update(qdrant_edge.UpdateOperation.delete_field_index("metadata"))
    shard.close()
    store = EdgeStore(folder)
    store.ensure_space(SPACE)
    assert "metadata" in store._shards.open(path.name).info().payload_schema
    store.close()
