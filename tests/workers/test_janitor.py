from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from backend.catalogue.target import SETTLED
from backend.errors import StorageFull, Unavailable
from backend.store.base import Point
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg
from tests.workers.conftest import TENANT, World
from workers.janitor import Janitor


def files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for area in ("originals", "thumbnails")
        for path in (folder / area).rglob("*.*")
    )


def fresh_janitor(world: World) -> Janitor:
    """As after a start."""
    return Janitor(world.catalogue, world.originals, world.store)


def test_finishing_a_deletion_leaves_no_trace(world: World) -> None:
    cat, dog = world.upload_pictures(2)
    text = world.caption("a cat", cat.id)
    world.pipeline.run()
    world.catalogue.delete(TENANT, cat.id)
    world.janitor.run(world.encoder.space)
    assert world.points() == {dog.id}
    assert files(world.folder) == [dog.original, f"thumbnails/{dog.id[:2]}/{dog.id}.webp"]
    assert world.catalogue.upkeep.originals([cat.id, text.id]) == {}


def test_deletion_reaches_every_space(world: World) -> None:
    text = world.caption("red")
    world.pipeline.run()
    other = ColourEncoder("2")
    world.new_pipeline(other).run()
    world.catalogue.delete(TENANT, text.id)
    world.janitor.finish_deletions()
    assert world.points() == world.points(other.space.name) == set()


def test_a_deletion_that_is_interrupted_goes_on_later(world: World, outage: Exception) -> None:
    (cat,) = world.upload_pictures(1)
    world.pipeline.run()
    world.catalogue.delete(TENANT, cat.id)
    world.store.down = outage
    with pytest.raises(Unavailable):
        world.janitor.run(world.encoder.space)
    world.store.down, world.originals.down = None, outage
    world.janitor.finish_deletions()
    assert world.points() == set()
    assert len(world.catalogue.upkeep.tombstones(10)) == 1, "its bytes are still there"
    world.originals.down = None
    world.janitor.finish_deletions()
    assert files(world.folder) == []
    assert world.catalogue.upkeep.tombstones(10) == []


def test_a_full_disk_is_freed_before_points_can_be_removed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.janitor.DELETIONS", 2)
    items = world.upload_pictures(5)
    world.pipeline.run()
    for item in items:
        world.catalogue.delete(TENANT, item.id)
    delete = world.store._part.delete

    def full(*_: object) -> None:
        raise StorageFull("There is no room.")

    world.store._part.delete = full
    world.janitor.finish_deletions()
    assert files(world.folder) == []
    assert len(world.catalogue.upkeep.tombstones(10)) == 5, "their points are still there"
    world.store._part.delete = delete
    world.janitor.finish_deletions()
    assert world.points() == set()
    assert world.catalogue.upkeep.tombstones(10) == []


def test_a_new_upload_keeps_its_bytes_when_the_old_deletion_is_finished(world: World) -> None:
    old = world.upload(jpeg())
    world.pipeline.run()
    world.catalogue.delete(TENANT, old.id)
    tombstones = world.catalogue.upkeep.tombstones(10)
    new = world.upload(jpeg())
    world.catalogue.upkeep.tombstones = lambda *_: list(tombstones)
    forget = world.catalogue.upkeep.forget
    world.catalogue.upkeep.forget = lambda gone: (forget(gone), tombstones.clear())
    world.janitor.finish_deletions()
    world.pipeline.run()
    assert world.originals.get(new.original) == jpeg()
    assert world.status(new) == ["indexed"]
    assert world.points() == {new.id}


def test_stale_payloads_are_written_anew(world: World) -> None:
    text = world.caption("red")
    world.pipeline.run()
    world.catalogue.patch(TENANT, text.id, ["new"], {"k": "v"})
    world.janitor.run(None)
    (point,) = world.store.get(world.space, "caption", [text.id])
    assert (point.payload["tags"], point.payload["metadata"]) == (["new"], ["k=v"])


def test_a_process_of_an_earlier_version_leaves_stale_points_to_those_of_the_next(world: World) -> None:
    text = world.caption("red")
    world.pipeline.run()
    world.janitor.run(None)
    assert world.catalogue.point_version.require("the next version")
    world.janitor.run(None)
    assert [stale.item.id for stale in world.catalogue.upkeep.stale(10)] == [text.id]


def test_all_points_come_back_after_the_store_lost_them(world: World) -> None:
    items = [world.caption("red"), *world.upload_pictures(3)]
    world.pipeline.run()
    world.store.drop_space(world.space)
    assert fresh_janitor(world).run(world.encoder.space)
    assert set(world.status(*items)) == {"indexed"}, "they stay listed"
    assert world.pipeline.run() == 4
    assert world.points() == {item.id for item in items}


def test_a_comparison_that_an_outage_interrupted_is_due_at_once(world: World) -> None:
    world.upload_pictures(2)
    world.pipeline.run()
    world.janitor.run(None)  # What comes before a comparison is done.
    world.store.drop_space(world.space)
    world.store.down = Unavailable("The store is away.")
    with pytest.raises(Unavailable):
        world.janitor.run(world.encoder.space)
    world.store.down = None
    assert world.janitor.run(world.encoder.space)
    assert not world.janitor.run(world.encoder.space), "the next look is due in a minute"
    assert world.pipeline.run() == 2


def test_one_lost_and_one_orphaned_point_are_found_though_the_number_is_right(world: World) -> None:
    items = world.upload_pictures(5)
    world.pipeline.run()
    orphan = str(uuid4())
    world.store.delete(world.space, "image", [items[2].id])
    world.store.upsert(world.space, "image", [Point(orphan, np.ones(16, np.float32), {"tenant": TENANT})])
    assert fresh_janitor(world).compare(world.space, "image") == 1
    world.pipeline.run()
    assert world.points() == {item.id for item in items}


def test_comparing_goes_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.janitor.PAGE", 4)
    items = [world.caption(f"text {number}") for number in range(23)]
    world.pipeline.run()
    lost = [item.id for item in items[::3]]
    world.store.delete(world.space, "caption", lost)
    orphans = [str(uuid4()) for _ in range(6)]
    world.store.upsert(world.space, "caption", [Point(id, np.ones(16, np.float32), {}) for id in orphans])
    assert fresh_janitor(world).compare(world.space, "caption") == len(lost)
    assert world.points() == {item.id for item in items} - set(lost)
    world.pipeline.run()
    assert world.points() == {item.id for item in items}
    world.store.drop_space(world.space)
    assert fresh_janitor(world).compare(world.space, "caption") == 23


def test_counting_is_enough_while_the_numbers_fit(world: World) -> None:
    world.caption("red")
    world.pipeline.run()
    world.janitor.compare(world.space, "caption")
    world.store.calls.clear()
    assert world.janitor.compare(world.space, "caption") == 0
    assert world.store.calls == ["count"]


def test_points_of_items_in_work_are_not_taken_for_orphans(world: World) -> None:
    item = world.caption("red")
    world.encoder.during = lambda: None
    upsert = world.store._part.upsert

    def then_compare(*args: object) -> None:
        upsert(*args)
        assert fresh_janitor(world).compare(world.space, "caption") == 0

    world.store._part.upsert = then_compare
    world.pipeline.run()
    assert world.points() == {item.id}


def test_an_old_space_is_dropped_once_everything_has_moved(world: World) -> None:
    item = world.caption("red")
    world.pipeline.run()
    other = ColourEncoder("2")
    fresh_janitor(world).run(other.space)
    assert world.store.spaces() == [world.space], "the item has not moved yet"
    world.new_pipeline(other).run()
    fresh_janitor(world).run(other.space)
    assert world.store.spaces() == [other.space.name]
    assert world.points(other.space.name) == {item.id}


def test_an_old_space_is_kept_while_others_may_still_search_it(world: World) -> None:
    world.caption("red")
    world.pipeline.run()
    other = ColourEncoder("2")
    world.catalogue.target.choose(other.space.name)
    world.new_pipeline(other).run()
    world.janitor.drop_other_spaces(other.space.name)
    world.janitor.drop_other_spaces(world.space)
    assert set(world.store.spaces()) == {world.space, other.space.name}
    world.later(SETTLED.total_seconds())
    world.janitor.drop_other_spaces(world.space)
    assert other.space.name in world.store.spaces(), "an older version drops nothing"
    world.janitor.drop_other_spaces(other.space.name)
    assert world.store.spaces() == [other.space.name]
