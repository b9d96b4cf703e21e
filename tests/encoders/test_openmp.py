from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from encoders.loading import load_encoder
from encoders.openmp import release_threads

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not torch.backends.openmp.is_available(),
    reason="Threads are counted as Linux lists them, and torch has to use OpenMP.",
)


def threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def compute() -> torch.Tensor:
    return torch.ones(2000, 2000).exp()


def elsewhere(work: Callable[[], None]) -> None:
    """In a thread of its own, with a number of threads that does not depend on the machine."""
    with ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(3)) as pool:
        pool.submit(work).result()


def test_what_has_computed_gives_its_threads_back_and_can_compute_again() -> None:
    def work() -> None:
        before = threads()
        expected = compute()
        assert threads() == before + 2
        release_threads()
        assert threads() == before
        assert torch.equal(compute(), expected)
        release_threads()

    elsewhere(work)


def test_to_give_back_what_one_does_not_have_is_harmless() -> None:
    elsewhere(release_threads)


def test_whoever_loads_an_encoder_keeps_no_threads() -> None:
    def work() -> None:
        before = threads()
        load_encoder("twinspace-mini")
        assert threads() == before

    elsewhere(work)
