from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import DEATHS
from backend.catalogue.items import Item, NewCaption, Source
from tests.support.clock import Clock
from tests.support.items import (
    LEASE,
    SPACE,
    TENANT,
    WORKER,
    add_caption,
    add_image,
    claim,
    claimed_ids,
    image,
    index,
    read,
)


def add_images(catalogue: Catalogue, number: int) -> list[Item]:
    return [each.item for each in catalogue.add_images(TENANT, [image(str(n)) for n in range(number)])]


def die(catalogue: Catalogue, clock: Clock, limit: int = 10) -> list[str]:
    """A worker claims, and is never heard of again."""
    claims = claim(catalogue, limit)
    clock.advance(LEASE + 1)
    return claimed_ids(claims)


def test_oldest_first_up_to_the_limit_and_nothing_twice(catalogue: Catalogue) -> None:
    ids = [item.id for item in add_images(catalogue, 5)]
    assert claimed_ids(claim(catalogue, 3)) == ids[:3]
    assert claimed_ids(claim(catalogue, 3, worker="other")) == ids[3:]
    assert claim(catalogue, 3) == []


def captions(catalogue: Catalogue, *texts: str, bulk: bool = False) -> list[str]:
    added = catalogue.add_captions(TENANT, [NewCaption(text) for text in texts], Source("request-1", bulk))
    return [each.item.id for each in added]


def test_what_came_alone_goes_before_an_import_and_not_together_with_it(catalogue: Catalogue) -> None:
    many = captions(catalogue, *(f"text {number}" for number in range(50)), bulk=True)
    assert claimed_ids(claim(catalogue, 20)) == many[:20]
    (one,) = captions(catalogue, "one")
    assert claimed_ids(claim(catalogue, 20)) == [one]
    assert claimed_ids(claim(catalogue, 20)) == many[20:40]


def test_single_uploads_do_not_starve_an_import(catalogue: Catalogue) -> None:
    (many,), (one,) = captions(catalogue, "many", bulk=True), captions(catalogue, "one")
    assert claimed_ids(claim(catalogue, bulk_first=True)) == [many]
    assert claimed_ids(claim(catalogue, bulk_first=True)) == [one], "where there is no import"


def test_uploading_alone_what_waits_in_an_import_brings_it_forward(catalogue: Catalogue) -> None:
    many = captions(catalogue, "one", "two", "three", bulk=True)
    assert captions(catalogue, "two") == [many[1]]
    captions(catalogue, "three", bulk=True)
    assert claimed_ids(claim(catalogue)) == [many[1]]
    assert claimed_ids(claim(catalogue)) == [many[0], many[2]]


def test_a_claim_names_the_request_that_brought_the_item(catalogue: Catalogue) -> None:
    captions(catalogue, "one")
    add_caption(catalogue, "two")
    assert [each.request_id for each in claim(catalogue)] == ["request-1", None]


def test_a_claim_holds_the_item_as_it_is(catalogue: Catalogue) -> None:
    item = add_image(catalogue, "cat", tags=("a",))
    assert [each.item for each in claim(catalogue)] == [item]


def test_many_claimers_never_overlap(catalogue: Catalogue) -> None:
    catalogue.add_captions(TENANT, [NewCaption(f"text {number}") for number in range(200)])
    start = threading.Barrier(4)

    def work(number: int) -> list[str]:
        start.wait()
        found: list[str] = []
        while claims := claim(catalogue, 7, worker=f"worker-{number}"):
            found += claimed_ids(claims)
        return found

    with ThreadPoolExecutor(4) as threads:
        found = [id for ids in threads.map(work, range(4)) for id in ids]
    # A claimer that finds the others' rows locked may stop early; nothing is ever handed out twice.
    assert len(found) == len(set(found))
    assert len(found) + len(claimed_ids(claim(catalogue, 200))) == 200


def test_finishing_makes_an_item_indexed_in_the_space(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    claims = claim(catalogue)
    clock.advance(3)
    assert catalogue.claims.indexed(SPACE, clock.time, claims) == []
    done = read(catalogue, item.id)
    assert (done.status, done.space, done.indexed_at) == ("indexed", SPACE, clock.time)
    clock.advance(1000)
    assert claim(catalogue) == [], "neither lease nor pause is left"


def test_an_indexed_item_is_due_again_in_another_space_and_stays_indexed(catalogue: Catalogue) -> None:
    item, new = add_image(catalogue, "cat"), add_image(catalogue, "new")
    catalogue.claims.indexed("a-space-before", item.created_at, claim(catalogue, 1))
    assert claimed_ids(claim(catalogue, 2)) == [new.id], "uploads come first"
    assert claimed_ids(claim(catalogue, 2)) == [item.id]
    assert read(catalogue, item.id).status == "indexed"
    for other in ("aaa", "zzz"):
        again = catalogue.claims.claim(other, "w", 5, LEASE)
        assert again == [], "leased for the other space"


@pytest.mark.parametrize("before", ["a-space", "z-space"])
def test_spaces_before_and_after_in_the_alphabet_are_both_left(catalogue: Catalogue, before: str) -> None:
    item = add_image(catalogue, "cat")
    catalogue.claims.indexed(before, item.created_at, claim(catalogue))
    index(catalogue, item)
    assert read(catalogue, item.id).space == SPACE
    assert claim(catalogue) == []


def test_deletion_during_work_is_told_to_whoever_finishes(catalogue: Catalogue, clock: Clock) -> None:
    cat, dog = add_image(catalogue, "cat"), add_image(catalogue, "dog")
    claims = claim(catalogue)
    catalogue.delete(TENANT, cat.id)
    assert catalogue.upkeep.tombstones(10) == [], "somebody is still at work on it"
    assert [item.id for item in catalogue.claims.indexed(SPACE, clock.time, claims)] == [cat.id]
    assert catalogue.get(TENANT, [cat.id]) == {}
    assert read(catalogue, dog.id).status == "indexed"
    assert [item.id for item in catalogue.upkeep.tombstones(10)] == [cat.id]


def test_a_worker_later_than_the_deletion_still_hears_of_it(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    claims = claim(catalogue)
    catalogue.delete(TENANT, item.id)
    clock.advance(LEASE + 1)
    catalogue.upkeep.forget(catalogue.upkeep.tombstones(10))
    assert [gone.id for gone in catalogue.claims.indexed(SPACE, clock.time, claims)] == [item.id]


def test_a_released_item_is_as_if_never_claimed(catalogue: Catalogue) -> None:
    ids = [item.id for item in add_images(catalogue, 3)]
    catalogue.claims.release(WORKER, claim(catalogue))
    assert claimed_ids(claim(catalogue)) == ids, "all together again"


def test_only_its_holder_can_give_up_a_lease(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    mine = claim(catalogue)
    catalogue.claims.release("other", mine)
    catalogue.claims.failed("other", mine[0], "corrupt_image", "")
    catalogue.claims.postpone("other", mine)
    assert claim(catalogue) == []
    clock.advance(LEASE + 1)
    assert claimed_ids(claim(catalogue, worker="other")) == [item.id]
    catalogue.claims.failed(WORKER, mine[0], "corrupt_image", "too late: it is somebody else's now")
    assert read(catalogue, item.id).status == "pending"


def test_a_sign_of_life_keeps_the_lease(catalogue: Catalogue, clock: Clock) -> None:
    add_image(catalogue, "cat")
    claims = claim(catalogue)
    for _ in range(5):
        clock.advance(LEASE - 1)
        catalogue.claims.extend(WORKER, claims, LEASE)
        assert claim(catalogue) == []
    clock.advance(LEASE + 1)
    assert len(claim(catalogue)) == 1


def test_what_died_in_company_is_claimed_alone_and_last(catalogue: Catalogue, clock: Clock) -> None:
    old = [item.id for item in add_images(catalogue, 3)]
    assert die(catalogue, clock) == old
    new = add_caption(catalogue, "new")
    assert claimed_ids(claim(catalogue)) == [new.id]
    assert [claimed_ids(claim(catalogue)) for _ in range(4)] == [[old[0]], [old[1]], [old[2]], []]


def test_what_died_is_not_starved_by_new_items(catalogue: Catalogue, clock: Clock) -> None:
    old = die_alone = add_image(catalogue, "cat").id
    assert die(catalogue, clock) == [die_alone]
    add_caption(catalogue, "new")
    clock.advance(120)
    assert claimed_ids(claim(catalogue)) == [old]


def test_nothing_that_died_joins_other_work(catalogue: Catalogue, clock: Clock) -> None:
    add_image(catalogue, "cat")
    die(catalogue, clock)
    clock.advance(1000)
    assert claim(catalogue, in_company=True) == []
    assert len(claim(catalogue)) == 1


def test_an_item_that_kills_its_process_three_times_is_poison(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    for _ in range(DEATHS):
        assert die(catalogue, clock) == [item.id]
    assert claim(catalogue) == []
    failed = read(catalogue, item.id)
    assert (failed.status, failed.error_code) == ("failed", "poison")
    catalogue.retry(TENANT, item.id)
    assert die(catalogue, clock) == [item.id], "a retry starts from the beginning"


def test_poison_does_not_take_its_neighbours_along(catalogue: Catalogue, clock: Clock) -> None:
    items = add_images(catalogue, 4)
    poison = items[2].id
    for _ in range(20):
        claims = claim(catalogue)
        if poison in claimed_ids(claims):
            clock.advance(LEASE + 1)
        else:
            catalogue.claims.indexed(SPACE, clock.time, claims)
    states = {item.id: read(catalogue, item.id).status for item in items}
    assert states == {item.id: "failed" if item.id == poison else "indexed" for item in items}


def test_killing_the_server_often_makes_no_poison(catalogue: Catalogue, clock: Clock) -> None:
    add_images(catalogue, 10)
    for _ in range(10):
        claim(catalogue)
        catalogue.claims.release_dead()
    for _ in range(30):
        catalogue.claims.indexed(SPACE, clock.time, claim(catalogue))
    assert catalogue.counts(TENANT, SPACE).images == 10


def test_success_forgets_deaths(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    die(catalogue, clock)
    die(catalogue, clock)
    catalogue.claims.indexed(SPACE, clock.time, claim(catalogue))
    for space in ("b", "c"):
        catalogue.claims.claim(space, WORKER, 1, LEASE)
        clock.advance(LEASE + 1)
    assert claim(catalogue) == [], "in this space it is, whatever happened on the way to others"
    assert read(catalogue, item.id).status == "indexed"
    assert catalogue.claims.backlog(SPACE, 1) == 0
    assert catalogue.upkeep.all_in(SPACE)


def test_a_service_that_is_down_postpones_with_growing_pauses(catalogue: Catalogue, clock: Clock) -> None:
    item = add_image(catalogue, "cat")
    pauses = []
    for _ in range(8):
        catalogue.claims.postpone(WORKER, claim(catalogue))
        pause = 0
        while catalogue.claims.backlog(SPACE, 1) == 0:
            clock.advance(1)
            pause += 1
        pauses.append(pause)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert read(catalogue, item.id).status == "pending", "and never fails it"
    catalogue.claims.indexed(SPACE, clock.time, claim(catalogue))
    catalogue.claims.postpone(WORKER, catalogue.claims.claim("next", WORKER, 1, LEASE))
    clock.advance(1)
    assert catalogue.claims.backlog("next", 1) == 1, "pauses start small again"


def test_a_new_start_takes_over_all_leases(catalogue: Catalogue) -> None:
    ids = {item.id for item in add_images(catalogue, 3)}
    claim(catalogue)
    catalogue.claims.release_dead()
    assert {id for _ in ids for id in claimed_ids(claim(catalogue, worker="next"))} == ids


def test_the_backlog_tells_how_much_is_due(catalogue: Catalogue, clock: Clock) -> None:
    assert catalogue.claims.backlog(SPACE, 10) == 0
    index(catalogue, *add_images(catalogue, 3))
    assert catalogue.claims.backlog("other", 10) == 3
    assert catalogue.claims.backlog("other", 2) == 2
    add_image(catalogue, "cat")
    claims = claim(catalogue)
    assert catalogue.claims.backlog(SPACE, 10) == 0
    catalogue.claims.postpone(WORKER, claims)
    assert catalogue.claims.backlog(SPACE, 10) == 0
    clock.advance(1)
    assert catalogue.claims.backlog(SPACE, 10) == 1


def test_deleted_and_failed_items_are_never_claimed(catalogue: Catalogue, clock: Clock) -> None:
    add_images(catalogue, 2)
    catalogue.claims.failed(WORKER, claim(catalogue, 1)[0], "corrupt_image", "")
    catalogue.delete(TENANT, claim(catalogue)[0].item.id)
    clock.advance(1000)
    assert claim(catalogue) == []
    assert catalogue.claims.backlog("other", 10) == 0
