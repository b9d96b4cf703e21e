"""The best hits of each modality to some depth: what the store answers, before anything reorders it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backend.catalogue.plan import Plan
from backend.catalogue.store_queries import StoreQueries
from backend.store.base import Filter, Kind, Query


class Candidate(NamedTuple):
    id: str
    kind: Kind
    score: float
    """Cosine."""
    strength: float
    """What its list is ordered by."""


@dataclass(frozen=True)
class Ranked:
    """A list of hits, best first, and whether there are no others."""

    hits: Sequence[Candidate] = field(default_factory=list)
    complete: bool = True


class Candidates:
    def __init__(self, plan: Plan, queries: StoreQueries, space: str) -> None:
        self._plan = plan
        self._queries = queries
        self._space = space

    def find(self, wanted: Sequence[tuple[Kind, Filter]], depth: int) -> list[Ranked]:
        """One list for each kind and filter. Raises `Unavailable` and `QueueFull`."""
        plan = self._plan
        queries = [
            (kind, Query(plan.vector, depth, filter, min_score=plan.min_score)) for kind, filter in wanted
        ]
        found = self._queries.run(self._space, queries) if queries else []
        return [
            Ranked([Candidate(p.id, kind, p.score, p.score) for p in points], len(points) < depth)
            for (kind, _), points in zip(wanted, found, strict=True)
        ]
