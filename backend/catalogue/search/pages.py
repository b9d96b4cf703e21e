"""The pages of a plain search: each list is what the store answers, in its order, one query a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.queries import ListName
from backend.catalogue.search.ranking import Ranking
from backend.catalogue.search.search_cursor import START, Mark, Place
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import Kind


class PageHit(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def score(self) -> float: ...


class Pages(Protocol):
    """One page of every list of an answer."""

    def fill(self) -> Mapping[ListName, Sequence[PageHit]]:
        """Runs the plan until every list has its page. What the catalogue no longer knows is skipped, and
        a page that this left short is filled from below."""
        ...

    def marks(self) -> Mapping[ListName, Mark]:
        """How far the lists have been given out after these pages."""
        ...


class PlainPages:
    def __init__(self, plan: Plan, queries: StoreQueries, space: str, items: KnownItems) -> None:
        self._plan = plan
        self._queries = queries
        self._space = space
        self._items = items
        self._rankings = {
            kind: Ranking(kind, _place(plan, kind), plan.query.limit) for kind in plan.query.kinds
        }

    def fill(self) -> Mapping[ListName, Sequence[PageHit]]:
        rankings = self._rankings.values()
        self._ask_store()
        while unknown := self._items.unknown([p.id for ranking in rankings for p in ranking.page()]):
            if self._items.look_up(unknown):
                for ranking in rankings:
                    ranking.gone = self._items.gone
                self._ask_store()
        return {kind: ranking.page() for kind, ranking in self._rankings.items()}

    def marks(self) -> Mapping[ListName, Mark]:
        return {kind: ranking.next_place() for kind, ranking in self._rankings.items()}

    def _ask_store(self) -> None:
        plan = self._plan
        while short := [ranking for ranking in self._rankings.values() if ranking.needs_more()]:
            queries = [(r.kind, r.query(plan.vector, plan.filter, plan.min_score(r.kind))) for r in short]
            for ranking, points in zip(short, self._queries.run(self._space, queries), strict=True):
                ranking.take(points)


def _place(plan: Plan, kind: Kind) -> Place:
    """A cursor of a plain search holds nothing else: by its fingerprint it fits no other."""
    return cast(Place, plan.marks.get(kind, START))
