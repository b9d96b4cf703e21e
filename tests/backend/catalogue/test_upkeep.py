from __future__ import annotations

from backend.catalogue.catalogue import Catalogue
from tests.support.clock import Clock
from tests.support.items import (
    LEASE,
    SPACE,
    TENANT,
    WORKER,
    add_caption,
    add_image,
    claim,
    image,
    index,
    read,
)


def test_a_tombstone_is_forgotten_once_cleared(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    catalogue.delete(TENANT, item.id)
    (tombstone,) = catalogue.upkeep.tombstones(10)
    assert (tombstone.id, tombstone.original) == (item.id, "originals/cat")
    catalogue.upkeep.forget([tombstone])
    assert catalogue.upkeep.tombstones(10) == []
    assert catalogue.upkeep.originals([item.id]) == {}


def test_a_tombstone_waits_for_work_in_progress(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    claim(catalogue)
    catalogue.delete(TENANT, item.id)
    assert catalogue.upkeep.tombstones(10) == []
    clock.advance(LEASE + 1)
    assert len(catalogue.upkeep.tombstones(10)) == 1


def test_what_came_back_while_it_was_cleared_is_encoded_again(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    catalogue.delete(TENANT, item.id)
    tombstones = catalogue.upkeep.tombstones(10)
    again = catalogue.add_images(TENANT, [image("cat", original="originals/new")])[0].item
    index(catalogue, again)
    # The janitor removes the point of the old generation, and with it that of the new one.
    catalogue.upkeep.forget(tombstones)
    assert read(catalogue, item.id).status == "indexed"
    index(catalogue, again)
    assert read(catalogue, item.id).space == SPACE


def test_expected_points_allow_for_work_in_progress(catalogue: Catalogue) -> None:
    index(catalogue, add_image(catalogue, "cat"), add_image(catalogue, "dog"), add_caption(catalogue, "text"))
    expected = catalogue.upkeep.expected(SPACE, "image")
    assert (expected.least, expected.most) == (2, 2)
    add_image(catalogue, "cow")
    claim(catalogue)
    catalogue.delete(TENANT, add_image(catalogue, "dog").id)
    expected = catalogue.upkeep.expected(SPACE, "image")
    assert (expected.least, expected.most) == (1, 3)
    assert catalogue.upkeep.expected(SPACE, "caption").least == 1
    assert catalogue.upkeep.expected("other", "caption").least == 0


def test_ids_in_a_space_come_in_order_by_ranges(catalogue: Catalogue) -> None:
    items = [each.item for each in catalogue.add_images(TENANT, [image(str(n)) for n in range(10)])]
    index(catalogue, *items)
    ids = sorted(item.id for item in items)

    def within(after: str, until: str | None, limit: int = 100) -> list[str]:
        return catalogue.upkeep.ids_in_space(SPACE, "image", after, until, limit)

    assert within("", None) == ids
    assert within(ids[2], ids[5]) == ids[3:6]
    assert within(ids[2], None, 2) == ids[3:5]
    assert catalogue.upkeep.ids_in_space(SPACE, "caption", "", None, 10) == []


def test_an_item_whose_point_was_lost_is_encoded_again_and_stays_indexed(catalogue: Catalogue) -> None:
    cat, dog = add_image(catalogue, "cat"), add_image(catalogue, "dog")
    index(catalogue, cat, dog)
    assert catalogue.upkeep.lost("another-space", [cat.id]) == 0
    assert catalogue.upkeep.lost(SPACE, [cat.id]) == 1
    assert (read(catalogue, cat.id).status, read(catalogue, cat.id).space) == ("indexed", None)
    assert not catalogue.upkeep.all_in(SPACE)
    assert [each.item.id for each in claim(catalogue)] == [cat.id]


def test_points_without_an_item_are_told_from_those_with_one(catalogue: Catalogue) -> None:
    indexed, failed, deleted = (add_image(catalogue, name) for name in ("indexed", "failed", "deleted"))
    claims = {each.item.id: each for each in claim(catalogue)}
    catalogue.claims.failed(WORKER, claims[failed.id], "corrupt_image", "")
    catalogue.delete(TENANT, deleted.id)
    ids = [indexed.id, failed.id, deleted.id, "00000000-0000-0000-0000-000000000000", "nonsense"]
    assert catalogue.upkeep.without_item(ids) == [failed.id, ids[3], "nonsense"]


def test_all_items_are_in_a_space_only_when_none_waits(catalogue: Catalogue) -> None:
    assert catalogue.upkeep.all_in(SPACE)
    item = add_image(catalogue, "cat")
    assert not catalogue.upkeep.all_in(SPACE)
    index(catalogue, item)
    assert catalogue.upkeep.all_in(SPACE)
    assert not catalogue.upkeep.all_in("aaa")
    assert not catalogue.upkeep.all_in("zzz")
    add_image(catalogue, "dog")
    catalogue.claims.failed(WORKER, claim(catalogue)[0], "corrupt_image", "")
    assert catalogue.upkeep.all_in(SPACE), "what failed will not come by waiting"


def test_originals_in_use_include_those_of_tombstones(catalogue: Catalogue) -> None:
    cat, dog, text = add_image(catalogue, "cat"), add_image(catalogue, "dog"), add_caption(catalogue, "text")
    catalogue.delete(TENANT, dog.id)
    in_use = catalogue.upkeep.originals([cat.id, dog.id, text.id, "nonsense"])
    assert in_use == {cat.id: "originals/cat", dog.id: "originals/dog"}
