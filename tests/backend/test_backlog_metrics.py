"""What is served about the backlog is what the catalogue holds, and asking breaks nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from backend.backlog_metrics import BacklogMetrics
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, Source
from backend.settings import Settings
from tests.support.clock import Clock

SPACE = "colour-12345678"


def measured(url: str, name: str) -> dict[str, float]:
    """By queue, or by code."""
    return {key: value for (metric, key), value in everything(url).items() if metric == f"twinspace_{name}"}


def everything(url: str) -> dict[tuple[str, str], float]:
    families = BacklogMetrics(Settings(database_url=url)).collect()
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_the_age_is_that_of_the_oldest_that_waits(database_url: str) -> None:
    clock = Clock(datetime.now(UTC))
    catalogue = Catalogue(database_url, now=clock)
    assert measured(database_url, "oldest_pending_seconds") == {"alone": 0, "bulk": 0}

    clock.advance(-20 * 60)
    catalogue.add_captions("default", [NewCaption("old")])
    clock.advance(10 * 60)
    catalogue.add_captions("default", [NewCaption("of an import")], Source(bulk=True))
    clock.advance(9 * 60)
    catalogue.add_captions("default", [NewCaption("new")])
    assert ages(database_url) == (1200, 600)

    # In work is not yet indexed: a worker that died has it.
    (old,) = catalogue.claims.claim(SPACE, "worker", 1, 60)
    (imported,) = catalogue.claims.claim(SPACE, "worker", 1, 60, bulk_first=True)
    assert ages(database_url) == (1200, 600)
    catalogue.claims.indexed(SPACE, clock(), [old, imported])
    assert ages(database_url) == (60, 0)
    catalogue.close()


def ages(url: str) -> tuple[float, float]:
    """Of the oldest alone, and of the oldest of an import, to the minute."""
    measured_now = measured(url, "oldest_pending_seconds")
    return round(measured_now["alone"] / 60) * 60, round(measured_now["bulk"] / 60) * 60


def test_what_waits_is_counted_by_queue(database_url: str) -> None:
    catalogue = Catalogue(database_url)
    many = [NewCaption(f"caption {n}") for n in range(7)]
    catalogue.add_captions("default", many, Source(bulk=True))
    catalogue.add_captions("default", [NewCaption("alone")])
    assert measured(database_url, "waiting_items") == {"alone": 1, "bulk": 7, "moving": 0, "in_work": 0}
    claims = catalogue.claims.claim(SPACE, "worker", 1, 60) + catalogue.claims.claim(SPACE, "worker", 2, 60)
    assert measured(database_url, "waiting_items") == {"alone": 0, "bulk": 5, "moving": 0, "in_work": 3}
    catalogue.claims.indexed(SPACE, datetime.now(UTC), claims)
    catalogue.target.choose("another")
    assert measured(database_url, "waiting_items") == {"alone": 0, "bulk": 5, "moving": 3, "in_work": 0}
    catalogue.close()


def test_failures_are_counted_by_reason(database_url: str) -> None:
    catalogue = Catalogue(database_url)
    catalogue.add_captions("default", [NewCaption(f"caption {n}") for n in range(3)])
    claims = catalogue.claims.claim(SPACE, "worker", 3, 60)
    for claim, code in zip(claims, ("poison", "corrupt_image", "corrupt_image"), strict=True):
        catalogue.claims.failed("worker", claim, code, "because")
    assert measured(database_url, "failed_items") == {"poison": 1, "corrupt_image": 2}
    catalogue.delete("default", claims[0].item.id)
    assert "poison" not in measured(database_url, "failed_items")
    catalogue.close()


def test_a_database_that_is_away_or_empty_is_left_out(tmp_path: Path) -> None:
    assert everything(f"sqlite:///{tmp_path}/missing.db") == {}
    assert not list(tmp_path.iterdir())
    assert everything("postgresql://twinspace@127.0.0.1:1/twinspace") == {}
