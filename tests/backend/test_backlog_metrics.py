"""What is served about the backlog is what the catalogue holds, and asking breaks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.core import Sample

from backend.backlog_metrics import BacklogMetrics
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption, Source
from backend.settings import Settings
from tests.support.databases import postgres

SPACE = "colour-12345678"


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with postgres() if request.param == "postgresql" else nullcontext(f"sqlite:///{tmp_path}/c.db") as url:
        yield url


def measured(url: str) -> dict[str, float]:
    """Ages and failures by name or code."""
    return {name: value for name, value in everything(url).items() if not name.startswith("queue ")}


def waiting(url: str) -> dict[str, float]:
    """Numbers of items by queue."""
    found = everything(url).items()
    return {name.removeprefix("queue "): value for name, value in found if name.startswith("queue ")}


def everything(url: str) -> dict[str, float]:
    families = BacklogMetrics(Settings(database_url=url)).collect()
    return {_name(sample): sample.value for family in families for sample in family.samples}


def _name(sample: Sample) -> str:
    queue = sample.labels.get("queue")
    return f"queue {queue}" if queue else sample.labels.get("code", sample.name)


def test_the_age_is_that_of_the_oldest_that_waits(url: str) -> None:
    clock = Clock()
    catalogue = Catalogue(url, now=clock)
    assert measured(url) == {"twinspace_oldest_pending_seconds": 0.0}

    clock.time -= timedelta(minutes=20)
    catalogue.add_captions("default", [NewCaption("old")])
    clock.time += timedelta(minutes=19)
    catalogue.add_captions("default", [NewCaption("new")])
    assert measured(url)["twinspace_oldest_pending_seconds"] == pytest.approx(1200, abs=30)

    # In work is not yet indexed: a worker that died has it.
    (old,) = catalogue.claims.claim(SPACE, "worker", 1, 60)
    assert measured(url)["twinspace_oldest_pending_seconds"] == pytest.approx(1200, abs=30)
    catalogue.claims.indexed(SPACE, clock(), [old])
    assert measured(url)["twinspace_oldest_pending_seconds"] == pytest.approx(60, abs=30)
    catalogue.close()


def test_what_waits_is_counted_by_queue(url: str) -> None:
    catalogue = Catalogue(url)
    many = [NewCaption(f"caption {n}") for n in range(7)]
    catalogue.add_captions("default", many, Source(bulk=True))
    catalogue.add_captions("default", [NewCaption("alone")])
    assert waiting(url) == {"alone": 1, "bulk": 7, "moving": 0, "in_work": 0}
    claims = catalogue.claims.claim(SPACE, "worker", 1, 60) + catalogue.claims.claim(SPACE, "worker", 2, 60)
    assert waiting(url) == {"alone": 0, "bulk": 5, "moving": 0, "in_work": 3}
    catalogue.claims.indexed(SPACE, datetime.now(UTC), claims)
    catalogue.target.choose("another")
    assert waiting(url) == {"alone": 0, "bulk": 5, "moving": 3, "in_work": 0}
    catalogue.close()


def test_failures_are_counted_by_reason(url: str) -> None:
    catalogue = Catalogue(url)
    catalogue.add_captions("default", [NewCaption(f"caption {n}") for n in range(3)])
    claims = catalogue.claims.claim(SPACE, "worker", 3, 60)
    for claim, code in zip(claims, ("poison", "corrupt_image", "corrupt_image"), strict=True):
        catalogue.claims.failed("worker", claim, code, "because")
    assert measured(url) == {
        "twinspace_oldest_pending_seconds": 0.0,
        "poison": 1.0,
        "corrupt_image": 2.0,
    }
    catalogue.delete("default", claims[0].item.id)
    assert "poison" not in measured(url)
    catalogue.close()


def test_a_database_that_is_away_or_empty_is_left_out(tmp_path: Path) -> None:
    assert measured(f"sqlite:///{tmp_path}/missing.db") == {}
    assert not list(tmp_path.iterdir())
    assert measured("postgresql://twinspace@127.0.0.1:1/twinspace") == {}
