from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.folders import quick_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.fixture(autouse=True)
def stores_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each measurement makes a store of its own, whose every write Edge would make durable."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
