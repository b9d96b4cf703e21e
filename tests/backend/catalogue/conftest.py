"""A catalogue over each database, and a clock that tests move by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backend.catalogue.catalogue import Catalogue
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalogue(database_url: str, clock: Clock) -> Iterator[Catalogue]:
    opened = Catalogue(database_url, clock)
    yield opened
    opened.close()
