"""From what the store finds to the lists of an answer: diversify, then merge, then group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from backend.catalogue.search.candidates import Candidate, Candidates, Finder, Ranked
from backend.catalogue.search.diversity import diversified
from backend.catalogue.search.fusion import ranks_of, reciprocal_rank_fusion
from backend.catalogue.search.grouping import Grouping
from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.newest import Newest
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.queries import ListName
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import Kind, VectorStore

DIVERSIFIED = (60, 1000)
"""Hits of a list that are made diverse, three times as many as a page holds: at least and at most."""


class Ordering:
    def __init__(
        self, plan: Plan, queries: StoreQueries, store: VectorStore, space: str, items: KnownItems
    ) -> None:
        self._plan = plan
        self._by_date = plan.query.order_by == "created_at"
        self._finder: Finder = (
            Newest(plan, queries, space) if self._by_date else Candidates(plan, queries, space, items)
        )
        self._grouping = Grouping(plan, self._finder, items)
        self._store = store
        self._space = space

    def order(self, names: Sequence[ListName], depth: int) -> Mapping[ListName, Ranked]:
        """The first `depth` hits or more of these lists. Raises `Unavailable` and `QueueFull`."""
        query, plan = self._plan.query, self._plan
        kinds = [kind for kind in query.kinds if kind in names or "merged" in names]
        found = self._finder.find([(kind, plan.filter) for kind in kinds], self._reach(depth))
        ordered = {kind: self._ordered(kind, ranked) for kind, ranked in zip(kinds, found, strict=True)}
        lists: dict[ListName, Ranked] = {kind: ordered[kind] for kind in kinds if kind in names}
        if "merged" in names:
            merged = list(ordered.values())
            lists["merged"] = self._by_dates(merged, depth) if self._by_date else self._by_ranks(merged)
        return self._grouping.group(lists, depth) if query.group_by else lists

    def _reach(self, depth: int) -> int:
        return max(depth, self._window()) if self._plan.query.diversify else depth

    # -- one modality ----------------------------------------------------------------------
    def _ordered(self, kind: Kind, ranked: Ranked) -> Ranked:
        if self._plan.query.diversify:
            return replace(ranked, hits=self._diversified(kind, ranked.hits))
        return ranked

    def _window(self) -> int:
        least, most = DIVERSIFIED
        return min(most, max(least, 3 * self._plan.query.limit))

    def _diversified(self, kind: Kind, hits: Sequence[Candidate]) -> Sequence[Candidate]:
        window = hits[: self._window()]
        if not window:
            return hits
        known = self._store.vectors(self._space, kind, [hit.id for hit in window])
        nothing = np.zeros(len(self._plan.vector), np.float32)
        # What was deleted this moment is like nothing.
        vectors = np.array([known.get(hit.id, nothing) for hit in window], np.float32)
        strengths = np.array([hit.strength for hit in window])
        order = diversified(strengths, vectors, self._plan.query.diversify)
        return [*(window[i] for i in order), *hits[len(window) :]]

    # -- across modalities -----------------------------------------------------------------
    def _by_ranks(self, lists: Sequence[Ranked]) -> Ranked:
        complete = all(ranked.complete for ranked in lists)
        hits = {hit.id: hit for ranked in lists for hit in ranked.hits}
        rankings = [ranks_of(hit.id for hit in ranked.hits) for ranked in lists]
        fused = reciprocal_rank_fusion(rankings, [1.0] * len(rankings))
        return Ranked([hits[id]._replace(strength=strength) for id, strength in fused], complete)

    def _by_dates(self, lists: Sequence[Ranked], depth: int) -> Ranked:
        hits = sorted(
            (hit for ranked in lists for hit in ranked.hits), key=lambda hit: (-hit.strength, hit.id)
        )
        if all(ranked.complete for ranked in lists):
            return Ranked(hits)
        # What one list has further down may be newer than what another has here.
        return Ranked(hits[:depth], complete=False)
