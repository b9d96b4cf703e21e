"""Two versions of an encoder side by side: one space is filled, and the work is never done in circles."""

from __future__ import annotations

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.target import SETTLED, SILENT, NotTheTargetError
from tests.support.clock import Clock
from tests.support.items import LEASE, SPACE, add_caption, claim, claimed_ids, index

OLD, NEW = "colour-old", "colour-new"


def test_while_nobody_has_chosen_everybody_may_work(catalogue: Catalogue) -> None:
    item = add_caption(catalogue, "red")
    assert catalogue.target.is_settled(SPACE)
    assert claimed_ids(claim(catalogue)) == [item.id]


def test_whoever_starts_last_is_who_works(catalogue: Catalogue) -> None:
    item = add_caption(catalogue, "red")
    catalogue.target.choose(OLD)
    catalogue.target.choose(NEW)
    with pytest.raises(NotTheTargetError, match=f"{OLD}, and others that started later into {NEW}"):
        catalogue.claims.claim(OLD, "old", 10, LEASE)
    assert claimed_ids(catalogue.claims.claim(NEW, "new", 10, LEASE)) == [item.id]
    catalogue.target.choose(OLD)
    with pytest.raises(NotTheTargetError):
        catalogue.claims.claim(NEW, "new", 10, LEASE)


def test_what_is_in_work_when_another_space_is_chosen_is_finished_and_then_moved(
    catalogue: Catalogue, clock: Clock
) -> None:
    add_caption(catalogue, "red")
    catalogue.target.choose(OLD)
    claims = catalogue.claims.claim(OLD, "old", 10, LEASE)
    catalogue.target.choose(NEW)
    assert catalogue.claims.indexed(OLD, clock.time, claims) == []
    again = catalogue.claims.claim(NEW, "new", 10, LEASE)
    assert [each.item.space for each in again] == [OLD]
    catalogue.claims.indexed(NEW, clock.time, again)
    assert catalogue.upkeep.all_in(NEW)


def test_those_who_stand_by_take_over_when_the_others_fall_silent(catalogue: Catalogue, clock: Clock) -> None:
    catalogue.target.choose(OLD)
    catalogue.target.choose(NEW)
    for _ in range(5):
        clock.advance(SILENT.total_seconds() - 1)
        assert catalogue.target.hold(NEW) == NEW
        assert catalogue.target.hold(OLD) == NEW, "the others are alive"
    clock.advance(SILENT.total_seconds() + 1)
    assert catalogue.target.hold(OLD) == OLD
    assert catalogue.target.hold(NEW) == OLD
    catalogue.claims.claim(OLD, "old", 10, LEASE)


def test_a_space_is_settled_when_it_has_been_the_target_for_long(catalogue: Catalogue, clock: Clock) -> None:
    catalogue.target.choose(OLD)
    catalogue.target.choose(NEW)
    clock.advance(SETTLED.total_seconds() - 1)
    assert not catalogue.target.is_settled(NEW)
    catalogue.target.choose(NEW)
    clock.advance(1)
    assert catalogue.target.is_settled(NEW), "a restart changes nothing"
    assert not catalogue.target.is_settled(OLD)


def test_items_of_the_target_are_nobodys_work(catalogue: Catalogue) -> None:
    index(catalogue, add_caption(catalogue, "red"))
    catalogue.target.choose(SPACE)
    assert claim(catalogue) == []
    with pytest.raises(NotTheTargetError):
        catalogue.claims.claim(OLD, "old", 10, LEASE)
