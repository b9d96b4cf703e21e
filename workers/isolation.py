"""One bad item in a batch must cost that item alone: try all together, then one by one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from backend.errors import StorageFull, Unavailable

Job = TypeVar("Job")
Result = TypeVar("Result")

LOG = logging.getLogger("twinspace.ingest")

# Not the fault of any item: tried again later, never counted against what was in work.
OUTAGES = (Unavailable, StorageFull)


@dataclass
class Outcome(Generic[Job, Result]):
    done: list[tuple[Job, Result]] = field(default_factory=list)
    failed: list[tuple[Job, Exception]] = field(default_factory=list)


def isolate(run: Callable[[Sequence[Job]], Sequence[Result]], jobs: Sequence[Job]) -> Outcome[Job, Result]:
    """`run` answers in the order of its jobs. Raises nothing but `OUTAGES`."""
    try:
        return Outcome(list(zip(jobs, run(jobs), strict=True)))
    except OUTAGES:
        raise
    except Exception as error:
        # Whatever a model or an engine raises for one input, all others must still get through.
        LOG.warning("A batch of %d failed", len(jobs), exc_info=True)
        if len(jobs) == 1:
            return Outcome(failed=[(jobs[0], error)])
    outcome: Outcome[Job, Result] = Outcome()
    for job in jobs:
        alone = isolate(run, [job])
        outcome.done += alone.done
        outcome.failed += alone.failed
    return outcome
