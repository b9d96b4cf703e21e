from __future__ import annotations

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Listing, image_id
from backend.errors import NotFound
from tests.support.items import (
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


def tagged(catalogue: Catalogue, tag: str) -> list[str]:
    return [item.id for item in catalogue.list(TENANT, Listing(tag=tag), 10, None)[0]]


def test_patch_replaces_only_what_is_given(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat", tags=("a", "b"), metadata={"k": 1})
    assert catalogue.patch(TENANT, item.id, ["c"], None).metadata == {"k": 1}
    patched = catalogue.patch(TENANT, item.id, None, {"other": 2})
    assert (patched.tags, patched.metadata) == (("c",), {"other": 2})
    assert patched.generation == item.generation, "work in flight goes on"
    assert (tagged(catalogue, "a"), tagged(catalogue, "c")) == ([], [item.id])


def test_patch_makes_the_payload_of_an_indexed_item_stale(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    catalogue.patch(TENANT, item.id, ["early"], None)
    index(catalogue, item)
    assert catalogue.upkeep.stale(10) == [], "the claim saw the tag"
    catalogue.patch(TENANT, item.id, ["late"], None)
    (stale,) = catalogue.upkeep.stale(10)
    assert stale.item.tags == ("late",)
    catalogue.patch(TENANT, item.id, ["later"], None)
    catalogue.upkeep.projected([stale])
    (stale,) = catalogue.upkeep.stale(10)
    assert stale.item.tags == ("later",), "what was projected was already old"
    catalogue.upkeep.projected([stale])
    assert catalogue.upkeep.stale(10) == []


def test_a_patch_during_ingest_is_not_lost(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    claims = claim(catalogue)
    catalogue.patch(TENANT, item.id, ["late"], None)
    catalogue.claims.indexed(SPACE, item.created_at, claims)
    assert read(catalogue, item.id).status == "indexed"
    assert [stale.item.tags for stale in catalogue.upkeep.stale(10)] == [("late",)]


def test_deleting_an_image_takes_its_captions_along(catalogue: Catalogue) -> None:
    cat, dog = add_image(catalogue, "cat", tags=("a",)), add_image(catalogue, "dog")
    captions = [add_caption(catalogue, text, cat.id, tags=("a",)) for text in ("one", "two")]
    other = add_caption(catalogue, "one", dog.id)
    gone = catalogue.delete(TENANT, cat.id)
    assert gone[0].id == cat.id
    assert {item.id for item in gone} == {cat.id, *(caption.id for caption in captions)}
    assert all(item.generation == 2 for item in gone)
    assert set(catalogue.get(TENANT, [cat.id, dog.id, other.id, captions[0].id])) == {dog.id, other.id}
    assert tagged(catalogue, "a") == []
    assert catalogue.counts(TENANT, SPACE).pending == 2


def test_deleting_a_caption_leaves_its_image(catalogue: Catalogue) -> None:
    cat = add_image(catalogue, "cat")
    caption = add_caption(catalogue, "one", cat.id)
    assert [item.id for item in catalogue.delete(TENANT, caption.id)] == [caption.id]
    assert read(catalogue, cat.id).status == "pending"


@pytest.mark.parametrize("id", ["nonsense", "", "\0", image_id(TENANT, "0")])
def test_what_is_not_there_is_not_found(catalogue: Catalogue, id: str) -> None:
    assert catalogue.get(TENANT, [id]) == {}
    for change in (catalogue.delete, catalogue.retry):
        with pytest.raises(NotFound):
            change(TENANT, id)
    with pytest.raises(NotFound):
        catalogue.patch(TENANT, id, [], {})


def test_deleting_twice_is_not_found(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    catalogue.delete(TENANT, item.id)
    for change in (catalogue.delete, catalogue.retry):
        with pytest.raises(NotFound):
            change(TENANT, item.id)


def test_retry_makes_a_failed_item_pending_and_leaves_others_alone(catalogue: Catalogue) -> None:
    cat, dog = add_image(catalogue, "cat"), add_image(catalogue, "dog")
    first, second = claim(catalogue)
    catalogue.claims.failed(WORKER, first, "corrupt_image", "cut off")
    failed = read(catalogue, cat.id)
    assert (failed.status, failed.error_code, failed.error_detail) == ("failed", "corrupt_image", "cut off")
    retried = catalogue.retry(TENANT, cat.id)
    assert (retried.status, retried.error_code) == ("pending", None)
    assert retried.generation > cat.generation
    catalogue.claims.indexed(SPACE, dog.created_at, [second])
    assert catalogue.retry(TENANT, dog.id).status == "indexed"
    assert [each.item.id for each in claim(catalogue)] == [cat.id]


def test_counts_tell_states_apart(catalogue: Catalogue) -> None:
    cat, caption = add_image(catalogue, "cat"), add_caption(catalogue, "text")
    index(catalogue, cat, caption)
    add_image(catalogue, "dog")
    catalogue.claims.failed(WORKER, claim(catalogue)[0], "corrupt_image", "cut off")
    add_image(catalogue, "cow")
    catalogue.delete(TENANT, add_image(catalogue, "hen").id)
    add_image(catalogue, "cow", tenant="bert")
    counts = catalogue.counts(TENANT, SPACE)
    assert (counts.images, counts.captions, counts.pending, counts.failed, counts.in_space) == (1, 1, 1, 1, 2)
    elsewhere = catalogue.counts(TENANT, "another-space")
    assert (elsewhere.images, elsewhere.in_space) == (1, 0), "items stay indexed while they move"


def test_a_deleted_image_lets_its_new_upload_start_clean(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    (late,) = claim(catalogue)
    catalogue.delete(TENANT, item.id)
    (added,) = catalogue.add_images(TENANT, [image("cat", original="originals/new")])
    assert catalogue.claims.indexed(SPACE, item.created_at, [late]) == [], "the new upload owns the point"
    assert read(catalogue, item.id).status == "pending", "a late worker cannot finish another generation"
    assert [each.item.original for each in claim(catalogue)] == [added.item.original]
