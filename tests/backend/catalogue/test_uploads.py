from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, caption_id, image_id
from backend.errors import InvalidRequest, NotFound
from tests.support.clock import Clock
from tests.support.items import TENANT, add_caption, add_image, claim, image, index, read


def test_a_new_image_is_pending_and_keeps_what_was_said_of_it(catalogue: Catalogue, clock: Clock) -> None:
    new = image("cat", tags=("b", "a", "b"), metadata={"n": 1.5, "deep": {"x": [None, "ü"]}})
    (added,) = catalogue.add_images(TENANT, [new])
    item = read(catalogue, added.item.id)
    assert added == dataclasses.replace(added, item=item, duplicate=False)
    assert item.id == image_id(TENANT, new.sha256)
    assert (item.status, item.generation, item.space, item.indexed_at) == ("pending", 1, None, None)
    assert (item.tags, item.metadata) == (("b", "a"), new.metadata)
    assert (item.filename, item.width, item.original) == ("cat.jpg", 640, "originals/cat")
    assert item.created_at == clock.time, "to the microsecond, in UTC"


def test_uploading_again_answers_the_same_item_with_new_tags_and_metadata(catalogue: Catalogue) -> None:
    first = add_image(catalogue, "cat", tags=("a",), metadata={"k": 1, "kept": True})
    (again,) = catalogue.add_images(
        TENANT, [image("cat", original="originals/other", tags=("b", "a"), metadata={"k": 2})]
    )
    assert again.duplicate
    assert again.item.id == first.id
    assert (again.item.tags, again.item.metadata) == (("a", "b"), {"k": 2, "kept": True})
    assert again.item.original == "originals/cat", "the caller deletes what it stored in vain"
    assert again.item.generation == first.generation


def test_the_same_picture_twice_in_one_request_is_one_item(catalogue: Catalogue) -> None:
    added = catalogue.add_images(TENANT, [image("cat", tags=("a",)), image("dog"), image("cat", tags=("b",))])
    assert [each.duplicate for each in added] == [False, False, True]
    assert added[0].item.id == added[2].item.id
    assert read(catalogue, added[0].item.id).tags == ("a", "b")


def test_tenants_do_not_share_items(catalogue: Catalogue) -> None:
    mine, theirs = add_image(catalogue, "cat"), add_image(catalogue, "cat", tenant="bert")
    assert mine.id != theirs.id
    assert catalogue.get("bert", [mine.id]) == {}
    with pytest.raises(NotFound):
        catalogue.delete("bert", mine.id)


def test_a_caption_of_two_pictures_is_two_items(catalogue: Catalogue) -> None:
    cat, dog = add_image(catalogue, "cat"), add_image(catalogue, "dog")
    texts = [add_caption(catalogue, "an animal", id) for id in (cat.id, dog.id, None)]
    assert len({text.id for text in texts}) == 3
    assert texts[0].id == caption_id(TENANT, cat.id, "an animal")
    assert texts[0].image_id == cat.id


@pytest.mark.parametrize("which", ["missing", "a caption", "deleted", "of another tenant", "no id at all"])
def test_a_caption_needs_its_image(catalogue: Catalogue, which: str) -> None:
    deleted = add_image(catalogue, "deleted")
    catalogue.delete(TENANT, deleted.id)
    ids = {
        "missing": image_id(TENANT, "0"),
        "a caption": add_caption(catalogue, "text").id,
        "deleted": deleted.id,
        "of another tenant": add_image(catalogue, "cat", tenant="bert").id,
        "no id at all": "nonsense",
    }
    with pytest.raises(NotFound):
        catalogue.add_captions(TENANT, [NewCaption("fine"), NewCaption("not fine", ids[which])])
    assert catalogue.counts(TENANT, "s").pending == 1, "one transaction: nothing came of the other caption"


def test_what_was_deleted_comes_back_as_new(catalogue: Catalogue, clock: Clock) -> None:
    first = add_image(catalogue, "cat", tags=("old",), metadata={"old": 1})
    caption = add_caption(catalogue, "a cat", first.id)
    catalogue.delete(TENANT, first.id)
    clock.advance(5)
    (again,) = catalogue.add_images(TENANT, [image("cat", original="originals/new", tags=("new",))])
    assert not again.duplicate
    assert again.item.id == first.id
    assert again.item.generation > first.generation
    assert (again.item.status, again.item.original) == ("pending", "originals/new")
    assert (again.item.tags, again.item.metadata) == (("new",), {})
    assert again.item.created_at == clock.time
    assert catalogue.get(TENANT, [caption.id]) == {}, "its captions do not come back by themselves"


def test_a_duplicate_brings_back_bytes_that_were_lost(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    catalogue.claims.failed("worker-1", claim(catalogue)[0], "original_missing", "gone")
    (again,) = catalogue.add_images(TENANT, [image("cat", original="originals/new", lost="originals/cat")])
    assert again.duplicate
    assert (again.item.status, again.item.original, again.item.error_code) == (
        "pending",
        "originals/new",
        None,
    )
    assert again.item.generation > item.generation


def test_an_indexed_image_whose_bytes_got_lost_takes_new_ones(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")
    index(catalogue, item)
    (again,) = catalogue.add_images(TENANT, [image("cat", original="originals/new", lost="originals/cat")])
    assert (again.item.status, again.item.original) == ("indexed", "originals/new")
    (late,) = catalogue.add_images(TENANT, [image("cat", original="originals/late", lost="originals/cat")])
    assert late.item.original == "originals/new", "somebody else was first"


def test_a_worker_that_looks_for_lost_bytes_does_not_fail_an_item_that_has_new_ones(
    catalogue: Catalogue,
) -> None:
    add_image(catalogue, "cat")
    (work,) = claim(catalogue)
    (again,) = catalogue.add_images(TENANT, [image("cat", original="originals/new", lost="originals/cat")])
    catalogue.claims.failed("worker-1", work, "original_missing", "gone")
    assert read(catalogue, again.item.id).status == "pending"


def test_a_duplicate_of_a_corrupt_image_stays_failed(catalogue: Catalogue) -> None:
    add_image(catalogue, "cat")
    catalogue.claims.failed("worker-1", claim(catalogue)[0], "corrupt_image", "cut off")
    (again,) = catalogue.add_images(TENANT, [image("cat", original="originals/new")])
    assert (again.item.status, again.item.original) == ("failed", "originals/cat")


def test_a_duplicate_with_news_makes_the_payload_stale(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat", tags=("a",))
    index(catalogue, item)
    add_image(catalogue, "cat", tags=("a",))
    assert catalogue.upkeep.stale(10) == []
    add_image(catalogue, "cat", tags=("b",))
    assert [stale.item.tags for stale in catalogue.upkeep.stale(10)] == [("a", "b")]


def test_the_same_pictures_at_the_same_moment_are_one_item_each(catalogue: Catalogue) -> None:
    names = [f"picture {number}" for number in range(20)]

    def upload(worker: int) -> list[tuple[str, bool]]:
        # Half of them in reverse: two requests that lock the same rows must not wait for each other.
        order = names if worker % 2 else names[::-1]
        added = catalogue.add_images(TENANT, [image(name, tags=(f"tag {worker}",)) for name in order])
        return [(each.item.id, each.duplicate) for each in added]

    with ThreadPoolExecutor(6) as threads:
        answers = [answer for answers in threads.map(upload, range(6)) for answer in answers]
    new = [id for id, duplicate in answers if not duplicate]
    assert len(new) == len(set(new)) == 20
    assert len(answers) == 120
    tags = {tag for item in catalogue.get(TENANT, new).values() for tag in item.tags}
    assert all(len(item.tags) == 6 for item in catalogue.get(TENANT, new).values()), tags


def test_uploading_and_deleting_at_the_same_moment_leaves_whole_items(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat")

    def upload(number: int) -> None:
        added = add_image(catalogue, "cat", original=f"originals/{number}")
        assert added.id == item.id

    def delete(_: int) -> None:
        try:
            catalogue.delete(TENANT, item.id)
        except NotFound:
            return
        catalogue.upkeep.forget(catalogue.upkeep.tombstones(10))

    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(work, n) for n in range(30) for work in (upload, delete)]:
            future.result()
    add_image(catalogue, "cat")
    assert read(catalogue, item.id).status == "pending"


@pytest.mark.parametrize("text", ["NUL \0 inside", "lone \ud800 surrogate"])
def test_text_that_no_database_keeps_is_refused(catalogue: Catalogue, text: str) -> None:
    with pytest.raises(InvalidRequest):
        add_caption(catalogue, text)
    with pytest.raises(InvalidRequest):
        add_image(catalogue, "cat", tags=(text,))
    with pytest.raises(InvalidRequest):
        add_image(catalogue, "cat", filename=text)
    assert catalogue.counts(TENANT, "s").pending == 0


def test_a_tag_has_a_greatest_length(catalogue: Catalogue) -> None:
    add_image(catalogue, "cat", tags=("x" * 255,))
    with pytest.raises(InvalidRequest):
        add_image(catalogue, "cat", tags=("x" * 256,))


def test_a_thousand_images_at_once(catalogue: Catalogue) -> None:
    new = [image(str(number), tags=("many", str(number))) for number in range(1000)]
    added = catalogue.add_images(TENANT, new)
    assert [each.item.filename for each in added] == [each.filename for each in new]
    assert catalogue.counts(TENANT, "s").pending == 1000
