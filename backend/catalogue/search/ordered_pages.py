"""The pages of a search whose lists have an order of their own: fused, diversified, grouped, by date.

Such an order is made anew for every page, to the depth that was given out and a page more, as of the first
page; what was given out is left out. So nothing is given twice and nothing is lost, whatever happens to the
order meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from backend.catalogue.search.candidates import Candidate, Ranked
from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.ordering import Ordering
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.queries import ListName
from backend.catalogue.search.ranking import MAX_DEPTH, MOST, SLACK
from backend.catalogue.search.search_cursor import NOTHING_GIVEN, Given, Mark, key_of
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import VectorStore


class OrderedPages:
    def __init__(
        self, plan: Plan, queries: StoreQueries, store: VectorStore, space: str, items: KnownItems
    ) -> None:
        self._items = items
        self._ordering = Ordering(plan, queries, store, space, items)
        self._lists = {name: _List(_given(plan, name), plan.query.limit) for name in plan.query.lists()}

    def fill(self) -> Mapping[ListName, Sequence[Candidate]]:
        lists = self._lists
        depth = SLACK + max((one.mark.given + one.size for one in lists.values() if one.size), default=0)
        while wanted := [name for name, one in lists.items() if one.needs_more(self._items)]:
            for name, ranked in self._ordering.order(wanted, depth).items():
                lists[name].ranked = ranked
                lists[name].deepest = depth >= MOST
            self._look_up()
            depth = min(2 * depth, MOST)
        return {name: one.page(self._items) for name, one in lists.items()}

    def marks(self) -> Mapping[ListName, Mark]:
        return {name: one.next_mark(self._items) for name, one in self._lists.items()}

    def _look_up(self) -> None:
        """Until all hits of the pages are known to the catalogue."""
        while unknown := self._items.unknown(
            hit.id for one in self._lists.values() for hit in one.page(self._items)
        ):
            self._items.look_up(unknown)


class _List:
    def __init__(self, mark: Given, limit: int) -> None:
        self.mark = mark
        self.size = 0 if mark.exhausted else max(0, min(limit, MAX_DEPTH - mark.given))
        self.ranked = Ranked(complete=self.size == 0)
        self.deepest = False
        self._left_of: Ranked | None = None
        self._left_without = 0
        self._kept: list[Candidate] = []

    def page(self, items: KnownItems) -> list[Candidate]:
        return self._left(items)[: self.size]

    def needs_more(self, items: KnownItems) -> bool:
        return not self.ranked.complete and not self.deepest and len(self._left(items)) < self.size

    def next_mark(self, items: KnownItems) -> Given:
        left = self._left(items)
        page = left[: self.size]
        keys = self.mark.keys | {key_of(hit.id) for hit in page}
        nothing_left = self.ranked.complete and len(left) <= len(page)
        return Given(keys, nothing_left or len(keys) >= MAX_DEPTH or not page)

    def _left(self, items: KnownItems) -> list[Candidate]:
        """What was not given out yet, and is there."""
        given, gone = self.mark.keys, items.gone
        if self._left_of is not self.ranked or self._left_without != len(gone):
            hits = self.ranked.hits
            self._kept = [hit for hit in hits if key_of(hit.id) not in given and hit.id not in gone]
            self._left_of, self._left_without = self.ranked, len(gone)
        return self._kept


def _given(plan: Plan, name: ListName) -> Given:
    """A cursor of such a search holds nothing else: by its fingerprint it fits no other."""
    return cast(Given, plan.marks.get(name, NOTHING_GIVEN))
