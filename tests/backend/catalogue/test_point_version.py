from __future__ import annotations

from datetime import timedelta

from backend.catalogue import point_version
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.point_version import SETTLED
from backend.catalogue.projection import version
from tests.support.items import SPACE, add_image, claim, index


def stale(catalogue: Catalogue) -> list[str]:
    return [claim.item.filename or "" for claim in catalogue.upkeep.stale(100)]


def refresh(catalogue: Catalogue) -> None:
    catalogue.upkeep.projected(catalogue.upkeep.stale(100))


def indexed(catalogue: Catalogue, claims: list[Claim]) -> None:
    catalogue.claims.indexed(SPACE, catalogue._database.now(), claims)


def test_range_fields_are_part_of_the_version() -> None:
    assert version({"price": "number"}) == version({"price": "number"})
    assert len({version({}), version({"price": "number"}), version({"price": "datetime"})}) == 3


def test_a_catalogue_without_points_has_none_to_write_anew(catalogue: Catalogue) -> None:
    add_image(catalogue, "pending")
    assert catalogue.point_version.require("v1") == 0
    assert catalogue.point_version.is_current("v1")


def test_another_version_makes_all_points_stale_once(catalogue: Catalogue, monkeypatch) -> None:
    monkeypatch.setattr(point_version, "STEP", 2)
    index(catalogue, *[add_image(catalogue, name) for name in "abcde"])
    add_image(catalogue, "pending")
    assert catalogue.point_version.require("v1") == 5
    assert stale(catalogue) == [f"{name}.jpg" for name in "abcde"]
    refresh(catalogue)
    assert not catalogue.point_version.require("v1")
    assert stale(catalogue) == []
    assert catalogue.point_version.require("v2")
    assert len(stale(catalogue)) == 5


def test_a_point_in_work_while_the_version_changes_is_not_taken_for_a_new_one(catalogue: Catalogue) -> None:
    index(catalogue, add_image(catalogue, "a"))
    catalogue.point_version.require("v1")
    read_before = catalogue.upkeep.stale(100)
    catalogue.point_version.require("v2")
    catalogue.upkeep.projected(read_before)
    assert stale(catalogue) == ["a.jpg"]


def test_what_workers_of_the_version_before_still_indexed_is_stale_when_they_are_gone(
    catalogue: Catalogue, clock
) -> None:
    index(catalogue, add_image(catalogue, "before"))
    catalogue.point_version.require("v1")
    refresh(catalogue)
    clock.advance(60)
    add_image(catalogue, "meanwhile")
    indexed(catalogue, claim(catalogue))
    catalogue.point_version.settle()
    assert stale(catalogue) == []
    clock.advance(SETTLED / timedelta(seconds=1))
    add_image(catalogue, "after")
    indexed(catalogue, claim(catalogue))
    catalogue.point_version.settle()
    assert stale(catalogue) == ["meanwhile.jpg"]
    refresh(catalogue)
    catalogue.point_version.settle()
    assert stale(catalogue) == []
