"""Finishes what others began and did not end: deletions, stale payloads, lost points, orphaned files.

It makes the store follow the catalogue, never the other way round.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item
from backend.catalogue.projection import project, version
from backend.errors import StorageFull
from backend.originals import Originals
from backend.settings import RangeKind
from backend.store.base import KINDS, Kind, VectorStore
from backend.store.filters import NO_RANGES
from encoders.base import Space
from workers.isolation import OUTAGES
from workers.sweeper import Sweeper

LOG = logging.getLogger("twinspace.janitor")

PAGE = 1000
DELETIONS = 200
# Counting all points is cheap, but not so cheap as to do it after every upload.
COMPARE_SECONDS = 60.0
# One of the 256 folders a minute: listing them is what an object store charges for.
SWEEP_SECONDS = 60.0


class Janitor:
    """One in a process. Every method may raise `Unavailable`; what was done by then stays done."""

    def __init__(
        self,
        catalogue: Catalogue,
        originals: Originals,
        store: VectorStore,
        ranges: Mapping[str, RangeKind] = NO_RANGES,
    ) -> None:
        self._catalogue = catalogue
        self._ranges = ranges
        self._version_required = False
        self._upkeep = catalogue.upkeep
        self._originals = originals
        self._store = store
        self._compare = _Every(COMPARE_SECONDS)
        self._sweep = _Every(SWEEP_SECONDS)
        self._sweeper = Sweeper(catalogue, originals)
        self._compared_in_full: set[tuple[str, Kind]] = set()

    def run(self, space: Space | None) -> bool:
        """One look at everything that is due; whether there is new work for the pipeline. `space`: the
        one that items belong in, None while that is not known yet."""
        self.finish_deletions()
        self.require_version()
        self.project()
        if self._sweep.is_due():
            self._sweep.done()
            self._sweeper.run()
        if space is None or not self._compare.is_due():
            return False
        lost = sum([self.compare(space.name, kind) for kind in KINDS])
        self.drop_other_spaces(space.name)
        self._compare.done()  # What an outage interrupted does not wait for another minute.
        return lost > 0

    # -- payloads and words ----------------------------------------------------------------
    def require_version(self) -> None:
        """Points that show items as another version or other settings did are written anew."""
        if not self._version_required:
            if self._catalogue.point_version.require(version(self._ranges)):
                LOG.info("All points are written anew: what they hold has changed")
            self._version_required = True
        self._catalogue.point_version.settle()

    def project(self) -> None:
        """Points follow what became of their items. A process that is older than what points are to hold
        leaves that to those that came after it."""
        if self._catalogue.point_version.is_current(version(self._ranges)):
            project(self._catalogue, self._store, self._ranges)

    # -- deletions -------------------------------------------------------------------------
    def finish_deletions(self) -> None:
        """Points first, then bytes, then the tombstone: whenever this is interrupted, it begins again. Where
        the disk has no room for what removing points takes, bytes go first, and tombstones wait."""
        waiting = 0
        while deleted := self._upkeep.tombstones(DELETIONS, waiting):
            points_are_gone = self._remove_points(deleted)
            gone = [item for item in deleted if self._remove_files(item)]
            if points_are_gone:
                self._upkeep.forget(gone)
            else:
                waiting += len(deleted)
            if len(gone) < len(deleted):
                return

    def _remove_points(self, deleted: Sequence[Item]) -> bool:
        try:
            for space in self._store.spaces():
                for kind in KINDS:
                    if ids := [item.id for item in deleted if item.kind == kind]:
                        self._store.delete(space, kind, ids)
        except StorageFull as error:
            LOG.warning("Points of deleted items follow once there is room: %s", error)
            return False
        return True

    def _remove_files(self, item: Item) -> bool:
        if item.kind == "image":
            try:
                self._originals.delete(item.id, item.original)
            except OUTAGES as error:
                LOG.warning("Cannot remove the files of %s yet: %s", item.id, error)
                return False
        return True

    # -- points ----------------------------------------------------------------------------
    def compare(self, space: str, kind: Kind) -> int:
        """Counts, and looks closer when the numbers cannot be right, and at the first time anyhow: a
        crash may have cost one point and left another. Returns how many points were lost."""
        expected = self._upkeep.expected(space, kind)
        count = self._store.count(space, kind)
        first = (space, kind) not in self._compared_in_full
        if not first and expected.least <= count <= expected.most:
            return 0
        lost = sum([self._compare_page(space, kind, *page) for page in self._pages(space, kind)])
        self._compared_in_full.add((space, kind))
        if lost:
            LOG.warning("%d %ss lack their points in %s and are encoded again", lost, kind, space)
        return lost

    def _pages(self, space: str, kind: Kind) -> Iterator[tuple[list[str], str, str | None]]:
        """The ids of all points, and the range of ids that each page speaks for: `after < id <= until`."""
        after, cursor = "", None
        while True:
            ids, cursor = self._store.scroll(space, kind, PAGE, cursor)
            until = ids[-1] if cursor is not None and ids else None
            yield ids, after, until
            if until is None:
                return
            after = until

    def _compare_page(self, space: str, kind: Kind, ids: list[str], after: str, until: str | None) -> int:
        points, items = set(ids), set[str]()
        lost = 0
        while True:
            some = self._upkeep.ids_in_space(space, kind, after, until, PAGE)
            items.update(some)
            lost += self._mark_lost(space, kind, [id for id in some if id not in points])
            if len(some) < PAGE:
                break
            after = some[-1]
        if orphans := self._upkeep.without_item([id for id in ids if id not in items]):
            LOG.warning("%d points in %s belong to no item and are removed", len(orphans), space)
            self._store.delete(space, kind, orphans)
        return lost

    def _mark_lost(self, space: str, kind: Kind, ids: list[str]) -> int:
        """Asks once more: a point may have been written since its page was read."""
        if not ids:
            return 0
        there = {point.id for point in self._store.get(space, kind, ids)}
        return self._upkeep.lost(space, [id for id in ids if id not in there])

    def drop_other_spaces(self, space: str) -> None:
        """Only once every item is in `space`, which nobody disputes: until then the way back to the old
        encoder is short, and replicas of the API that have it go on finding."""
        others = [name for name in self._store.spaces() if name != space]
        if others and self._catalogue.target.is_settled(space) and self._upkeep.all_in(space):
            for name in others:
                LOG.info("Every item is in %s: dropping %s", space, name)
                self._store.drop_space(name)


class _Every:
    """Due at first, then so many seconds after it was done."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    def done(self) -> None:
        self._next = time.monotonic() + self._seconds
