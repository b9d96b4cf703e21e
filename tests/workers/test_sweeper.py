from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import uuid4

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from tests.support.pictures import jpeg
from tests.workers.conftest import World
from tests.workers.test_janitor import files
from workers.sweeper import UNKNOWN, Sweeper

HOUR = 3600


@pytest.fixture
def sweeper(world: World) -> Sweeper:
    return Sweeper(world.catalogue, world.originals)


def age(folder: Path, keys: list[str], seconds: float = HOUR + 100) -> None:
    then = time.time() - seconds
    for key in keys:
        os.utime(folder / key, (then, then))


def sweep_all(sweeper: Sweeper) -> None:
    for _ in range(256):
        sweeper.run()


def orphan(world: World, item: Item) -> str:
    """What an upload leaves that dies before its commit."""
    return world.originals.put(item.id, b"of an upload that died", "jpg")


def test_files_that_no_item_refers_to_are_swept_when_they_are_old(world: World, sweeper: Sweeper) -> None:
    item = world.upload(jpeg())
    world.pipeline.run()
    shard = int(item.id[:2], 16)
    kept = files(world.folder)
    stranger = item.id[:2] + str(uuid4())[2:]
    old = [
        world.originals.put(stranger, b"no item", "jpg"),
        world.originals.put(item.id, b"a duplicate whose upload died", "jpg"),
        f"{item.original}.12345678.part",
    ]
    (world.folder / old[2]).write_bytes(b"half")
    world.originals.put_thumbnail(stranger, b"no item")
    old.append(f"thumbnails/{stranger[:2]}/{stranger}.webp")
    young = world.originals.put(stranger, b"its item is about to be committed", "jpg")
    age(world.folder, [*old, *kept])
    sweeper.sweep(shard)
    assert files(world.folder) == sorted([*kept, young])


def test_originals_of_a_catalogue_that_was_lost_wait_for_its_backup(world: World, tmp_path: Path) -> None:
    item = world.upload(jpeg())
    Sweeper(world.catalogue, world.originals).run()
    age(world.folder, [item.original or ""])
    made_anew = Catalogue(f"sqlite:///{tmp_path / 'anew.db'}")
    sweep_all(Sweeper(made_anew, world.originals))
    assert world.originals.get(item.original) == jpeg()
    # The backup is restored: what came into the catalogue in between is not known to it either.
    left = orphan(world, item)
    age(world.folder, [left])
    sweep_all(Sweeper(world.catalogue, world.originals))
    assert world.originals.exists(left)
    made_anew.close()


def test_two_that_share_a_storage_clear_away_nothing_of_each_other(world: World, tmp_path: Path) -> None:
    other = Catalogue(f"sqlite:///{tmp_path / 'other.db'}")
    sweepers = [Sweeper(world.catalogue, world.originals), Sweeper(other, world.originals)]
    for sweeper in sweepers:
        sweeper.run()
    left = orphan(world, world.upload(jpeg()))
    age(world.folder, [left])
    for sweeper in sweepers:
        sweep_all(sweeper)
    assert world.originals.exists(left)
    # Whoever is certain that the other one is gone removes its signature.
    world.originals.delete_original(f"installations/{other.installation()}")
    other.close()
    sweep_all(sweepers[0])
    assert not world.originals.exists(left)


def test_originals_of_before_signatures_belong_to_the_catalogue_that_knows_items(
    world: World, sweeper: Sweeper
) -> None:
    left = orphan(world, world.upload(jpeg()))
    age(world.folder, [left])
    sweep_all(sweeper)
    assert world.originals.keepers() == {world.catalogue.installation()}
    assert not world.originals.exists(left)


def test_originals_of_before_signatures_are_not_those_of_an_empty_catalogue(
    world: World, sweeper: Sweeper
) -> None:
    lost = world.originals.put(str(uuid4()), b"of a catalogue that is gone", "jpg")
    age(world.folder, [lost])
    sweep_all(sweeper)
    world.upload(jpeg())
    sweep_all(sweeper)
    assert world.originals.keepers() == {world.catalogue.installation(), UNKNOWN}
    assert world.originals.exists(lost)


def test_the_first_upload_of_all_is_not_taken_for_that_of_another(world: World, sweeper: Sweeper) -> None:
    """It is stored, and not committed yet."""
    world.originals.put(str(uuid4()), b"new", "jpg")
    sweeper.run()
    assert world.originals.keepers() == {world.catalogue.installation()}
