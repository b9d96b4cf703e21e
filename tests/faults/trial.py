"""One trial: uploads all the while, faults in between, and then the promise, in numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import cycle, islice
from math import inf

from backend.errors import TwinspaceError
from tests.support.installation import PROMISE, Installation
from tests.support.pictures import jpeg

PAUSE = 0.05
NUMBERS = "numbers of a trial"


@dataclass(frozen=True)
class Numbers:
    accepted: int
    faults: int
    lost: int
    duplicated: int
    seconds: float
    """From the end of the last fault until everything was indexed."""

    @staticmethod
    def total(all: Sequence[Numbers]) -> Numbers:
        counts = [sum(values) for values in zip(*(astuple(each)[:4] for each in all), strict=True)]
        return Numbers(*counts, seconds=max(each.seconds for each in all))

    def __str__(self) -> str:
        return (
            f"accepted {self.accepted}, faults {self.faults}, lost {self.lost}, "
            f"duplicated {self.duplicated}, all indexed after {self.seconds:.1f} s"
        )


class Trial:
    """`report` hears the numbers at the end."""

    def __init__(self, installation: Installation, report: Callable[[str, object], None]) -> None:
        self.it = installation
        self.accepted: set[str] = set()
        self.faults = 0
        self._report = report
        self._lock = threading.Lock()
        self._recovered = time.monotonic()

    def upload(self, pictures: int) -> list[str]:
        """One request; raises when it is not accepted."""
        with self._lock:
            numbers = list(islice(self.it.numbers, pictures))
        files = [(f"{n}.jpg", jpeg((n % 256, n // 256 % 256, 90), seed=n)) for n in numbers]
        captions = [f"red {n}" for n in numbers] if pictures == 1 else []
        with self.it.client() as client:
            ids = [item.id for item in client.upload(files, captions).items]
        with self._lock:
            self.accepted.update(ids)
        return ids

    @contextmanager
    def uploading(self, ahead: float = inf) -> Iterator[None]:
        """Somebody uploads, now many and now one, whether that succeeds or not, and waits while
        more than `ahead` items are pending."""
        ended = threading.Event()

        def upload() -> None:
            for pictures in cycle((4, 1)):
                if ended.wait(PAUSE):
                    return
                if ahead < inf and self.it.pending() > ahead:
                    continue
                try:
                    self.upload(pictures)
                except TwinspaceError:
                    continue  # Not accepted: nothing was promised.

        thread = threading.Thread(target=upload)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def inject(self, fault: Callable[[], object]) -> None:
        self.faults += 1
        fault()

    def recovered(self) -> None:
        """The last fault is over; from now on the clock of the promise runs."""
        self._recovered = time.monotonic()

    def conclude(self) -> Numbers:
        """Waits as long as was promised, and no longer."""
        with self.it.client(patience=30) as client:
            left = PROMISE - (time.monotonic() - self._recovered)
            items = client.wait([item.id for item in client.list_items()], seconds=left)
            seconds = time.monotonic() - self._recovered
            listed = [item.id for item in client.list_items()]
        failed = [item for item in items if item.status != "indexed"]
        assert not failed, failed
        points = self.it.points()
        indexed = {item.id for item in items}
        numbers = Numbers(
            accepted=len(self.accepted),
            faults=self.faults,
            lost=len(self.accepted - indexed) + len(indexed - set(points)),
            duplicated=len(listed) - len(set(listed)) + len(points) - len(indexed),
            seconds=seconds,
        )
        assert self.accepted, "nothing was uploaded"
        assert numbers.lost == numbers.duplicated == 0, numbers
        self._report(NUMBERS, list(astuple(numbers)))  # xdist hands on plain values alone.
        return numbers
