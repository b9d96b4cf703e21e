"""How long a piece of work takes, measured and printed alike by all benchmarks of parts alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")


def median(inputs: Sequence[Value], work: Callable[[Value], object], warm_up: int = 0) -> float:
    """Seconds that `work` takes with one of `inputs`; the first `warm_up` do not count."""
    spent = []
    for value in inputs:
        started = time.perf_counter()
        work(value)
        spent.append(time.perf_counter() - started)
    return statistics.median(spent[warm_up:])


@contextmanager
def timed(name: str) -> Iterator[list[float]]:
    spent: list[float] = []
    started = time.perf_counter()
    yield spent
    spent.append(time.perf_counter() - started)
    show(name, spent[0])


def show(name: str, seconds: float) -> None:
    print(f"  {name:44} {1000 * seconds:10.2f} ms", flush=True)
