from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.folders import quick_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Edge makes every write durable: on a busy disk that is most of these tests' time."""
    with quick_folder() as folder:
        yield folder
