from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import Unavailable
from workers.isolation import isolate


@given(st.lists(st.integers(), max_size=8), st.sets(st.integers()))
def test_only_the_bad_ones_fail(jobs: list[int], bad: set[int]) -> None:
    def run(some: Sequence[int]) -> list[int]:
        if bad.intersection(some):
            raise ValueError("one of these")
        return [job * 2 for job in some]

    outcome = isolate(run, jobs)
    assert outcome.done == [(job, job * 2) for job in jobs if job not in bad]
    assert [job for job, _ in outcome.failed] == [job for job in jobs if job in bad]


def test_an_outage_is_nobodys_fault() -> None:
    def run(_: Sequence[int]) -> list[int]:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        isolate(run, [1, 2])


def test_too_few_answers_fail_the_batch_but_not_each() -> None:
    outcome = isolate(lambda some: list(some)[:1], [1, 2])
    assert outcome.done == [(1, 1), (2, 2)]
