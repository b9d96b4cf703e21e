"""What is served about the backlog is what the catalogue holds, and asking breaks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.backlog_metrics import BacklogMetrics
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, Source
from backend.settings import Settings
from tests.support.databases import make_empty, postgres

SPACE = "colour-12345678"


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/c.db"
    url: str = request.getfixturevalue("postgres_url")
    make_empty(url)
    return url


def measured(url: str, name: str) -> dict[str, float]:
    """By queue, or by code."""
    return {key: value for (metric, key), value in everything(url).items() if metric == f"twinspace_{name}"}


def everything(url: str) -> dict[tuple[str, str], float]:
    families = BacklogMetrics(Settings(database_url=url)).collect()
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_the_age_is_that_of_the_oldest_that_waits(url: str) -> None:
    clock = Clock()
    catalogue = Catalogue(url, now=clock)
    assert measured(url, "oldest_pending_seconds") == {"alone": 0, "bulk": 0}

    clock.time -= timedelta(minutes=20)
    catalogue.add_captions("default", [NewCaption("old")])
    clock.time += timedelta(minutes=10)
    catalogue.add_captions("default", [NewCaption("of an import")], Source(bulk=True))
    clock.time += timedelta(minutes=9)
    catalogue.add_captions("default", [NewCaption("new")])
    assert ages(url) == (1200, 600)

    # In work is not yet indexed: a worker that died has it.
    (old,) = catalogue.claims.claim(SPACE, "worker", 1, 60)
    (imported,) = catalogue.claims.claim(SPACE, "worker", 1, 60, bulk_first=True)
    assert ages(url) == (1200, 600)
    catalogue.claims.indexed(SPACE, clock(), [old, imported])
    assert ages(url) == (60, 0)
    catalogue.close()


def ages(url: str) -> tuple[float, float]:
    """Of the oldest alone, and of the oldest of an import, to the minute."""
    measured_now = measured(url, "oldest_pending_seconds")
    return round(measured_now["alone"] / 60) * 60, round(measured_now["bulk"] / 60) * 60


def test_what_waits_is_counted_by_queue(url: str) -> None:
    catalogue = Catalogue(url)
    many = [NewCaption(f"caption {n}") for n in range(7)]
    catalogue.add_captions("default", many, Source(bulk=True))
    catalogue.add_captions("default", [NewCaption("alone")])
    assert measured(url, "waiting_items") == {"alone": 1, "bulk": 7, "moving": 0, "in_work": 0}
    claims = catalogue.claims.claim(SPACE, "worker", 1, 60) + catalogue.claims.claim(SPACE, "worker", 2, 60)
    assert measured(url, "waiting_items") == {"alone": 0, "bulk": 5, "moving": 0, "in_work": 3}
    catalogue.claims.indexed(SPACE, datetime.now(UTC), claims)
    catalogue.target.choose("another")
    assert measured(url, "waiting_items") == {"alone": 0, "bulk": 5, "moving": 3, "in_work": 0}
    catalogue.close()


def test_failures_are_counted_by_reason(url: str) -> None:
    catalogue = Catalogue(url)
    catalogue.add_captions("default", [NewCaption(f"caption {n}") for n in range(3)])
    claims = catalogue.claims.claim(SPACE, "worker", 3, 60)
    for claim, code in zip(claims, ("poison", "corrupt_image", "corrupt_image"), strict=True):
        catalogue.claims.failed("worker", claim, code, "because")
    assert measured(url, "failed_items") == {"poison": 1, "corrupt_image": 2}
    catalogue.delete("default", claims[0].item.id)
    assert "poison" not in measured(url, "failed_items")
    catalogue.close()


def test_a_database_that_is_away_or_empty_is_left_out(tmp_path: Path) -> None:
    assert everything(f"sqlite:///{tmp_path}/missing.db") == {}
    assert not list(tmp_path.iterdir())
    assert everything("postgresql://twinspace@127.0.0.1:1/twinspace") == {}
