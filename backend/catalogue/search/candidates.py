"""The best hits of each modality to some depth: meaning, words and captions, each asked and fused by rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from backend.catalogue.search.captions_within import CaptionsWithin, is_narrow, of_all
from backend.catalogue.search.evidence import likely_found, standing_out
from backend.catalogue.search.fusion import ranks_of, reciprocal_rank_fusion
from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.plan import Plan, Source
from backend.catalogue.search.store_queries import StoreQueries
from backend.store.base import Filter, Kind, Query, ScoredPoint
from backend.store.ranking import BM25_DECIMALS

WEIGHTS: dict[tuple[Kind, Source], float] = {
    ("image", "dense"): 1.0,
    ("image", "lexical"): 1.5,
    ("image", "captions"): 2.0,
    ("caption", "dense"): 1.0,
    ("caption", "lexical"): 0.2,
}
"""What `bench.hybrid` measures, for pictures and for captions, is measured with these. Texts that share words
are alike in meaning, too: words tell less about captions than about pictures."""
FUSED = 50
"""Hits of each source that are fused at least: a rank that is cut off counts nothing, and that must not
depend on the size of the page."""
DECISIVE = 1.5
"""Of captions whose words stand out, added to that of words: a name or a number is what was looked for."""


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


class Finder(Protocol):
    """Where the lists of an answer come from."""

    def find(self, wanted: Sequence[tuple[Kind, Filter]], depth: int) -> list[Ranked]:
        """One list for each kind and filter, `depth` long or more. Raises `Unavailable` and `QueueFull`."""
        ...


@dataclass
class _Slot:
    """One list in the making: what each source answered."""

    kind: Kind
    filter: Filter
    found: dict[Source, list[ScoredPoint]] = field(default_factory=dict)
    cut: set[Source] = field(default_factory=set)
    """Sources that had more to say."""
    cosines: dict[str, float] = field(default_factory=dict)


class Candidates:
    def __init__(self, plan: Plan, queries: StoreQueries, space: str, items: KnownItems) -> None:
        self._plan = plan
        self._queries = queries
        self._space = space
        self._items = items
        self._within = CaptionsWithin(plan, queries, space, items)

    def find(self, wanted: Sequence[tuple[Kind, Filter]], depth: int) -> list[Ranked]:
        slots = [_Slot(kind, filter) for kind, filter in wanted]
        reach = max(depth, FUSED) if self._plan.sources != ("dense",) else depth
        asked = [(slot, *ask) for slot in slots for ask in self._asks(slot, reach)]
        answers = (
            self._queries.run(self._space, [(kind, query) for _, _, kind, query in asked]) if asked else []
        )
        for (slot, source, _, _), points in zip(asked, answers, strict=True):
            slot.found[source] = points
        narrow = [slot for slot in slots if self._hears_captions(slot) and is_narrow(slot.filter)]
        captions = self._within.find([slot.filter for slot in narrow], reach)
        for slot, points in zip(narrow, captions, strict=True):
            slot.found["captions"] = points
        for slot in slots:
            slot.cut = {source for source, points in slot.found.items() if len(points) >= reach}
            slot.cosines = {point.id: point.score for point in slot.found.get("dense", ())}
            if "captions" in slot.found:
                slot.found["captions"] = self._pictures_of(slot)
        self._count_against(slots)
        self._add_cosines(slots)
        return [self._ranked(slot, reach) for slot in slots]

    def _rankings(self, slot: _Slot) -> tuple[list[dict[str, int]], list[float]]:
        """Of each source, with its weight. A picture that nobody has described cannot be found by its
        captions, which says little against it: there it has the rank that it has by meaning, with as much
        weight as it is likely that a caption would have been found."""
        found = {
            source: ranks_of(point.id for point in points if point.id in slot.cosines)
            for source, points in slot.found.items()
        }
        rankings, weights = list(found.values()), [WEIGHTS[slot.kind, source] for source in found]
        if slot.kind == "image":
            captioned = self._items.captioned(list(found["dense"]))
            unknown = {id: rank for id, rank in found["dense"].items() if id not in captioned}
            for source in found.keys() - {"dense"}:
                likely = 1.0 if source in slot.cut else likely_found(captioned, slot.found[source])
                rankings.append(unknown)
                weights.append(likely * WEIGHTS[slot.kind, source])
        elif "lexical" in found:
            decisive = standing_out(slot.found["lexical"])
            rankings.append({id: rank for id, rank in found["lexical"].items() if id in decisive})
            weights.append(DECISIVE)
        return rankings, weights

    def _asks(self, slot: _Slot, reach: int) -> Iterable[tuple[Source, Kind, Query]]:
        plan = self._plan
        if "dense" in plan.sources:
            yield (
                "dense",
                slot.kind,
                Query(plan.vector, reach, slot.filter, min_score=plan.min_score(slot.kind)),
            )
        if "lexical" in plan.sources:
            yield "lexical", slot.kind, Query(plan.words.wanted, reach, slot.filter)
        if self._hears_captions(slot) and not is_narrow(slot.filter):
            yield "captions", "caption", Query(plan.vector, reach, of_all(slot.filter))

    def _hears_captions(self, slot: _Slot) -> bool:
        return "captions" in self._plan.sources and slot.kind == "image"

    def _pictures_of(self, slot: _Slot) -> list[ScoredPoint]:
        """The pictures that these captions are attached to, as good as the best caption of each."""
        best: dict[str, ScoredPoint] = {}
        for point in self._items.alive(slot.found["captions"]):
            image = self._items[point.id].image_id
            if image is not None:
                best.setdefault(image, ScoredPoint(image, point.score))
        return list(best.values())

    def _count_against(self, slots: Sequence[_Slot]) -> None:
        """Unwanted words, of the hits that have wanted ones: which these are must not depend on how rare a
        word is, since that changes from page to page."""
        unwanted = self._plan.words.unwanted
        wordy = [slot for slot in slots if unwanted.indices and slot.found.get("lexical")]
        if not wordy:
            return
        found = [tuple(point.id for point in slot.found["lexical"]) for slot in wordy]
        queries = [
            (slot.kind, Query(unwanted, len(ids), Filter(slot.filter.tenant, ids=ids)))
            for slot, ids in zip(wordy, found, strict=True)
        ]
        for slot, points in zip(wordy, self._queries.run(self._space, queries), strict=True):
            against = {point.id: point.score for point in points}
            left = [(p.id, p.score - against.get(p.id, 0.0)) for p in slot.found["lexical"]]
            points = [ScoredPoint(id, round(score, BM25_DECIMALS)) for id, score in left]
            slot.found["lexical"] = sorted(points, key=lambda point: (-point.score, point.id))

    def _add_cosines(self, slots: Sequence[_Slot]) -> None:
        """Of hits that only another source found. Those that the filter or `min_score` refuses get none."""
        lacking: list[tuple[_Slot, Query]] = []
        for slot in slots:
            ids = {point.id for points in slot.found.values() for point in points} - slot.cosines.keys()
            if ids:
                only = replace(slot.filter, ids=tuple(sorted(ids)))
                query = Query(self._plan.vector, len(ids), only, min_score=self._plan.min_score(slot.kind))
                lacking.append((slot, query))
        if lacking:
            answers = self._queries.run(self._space, [(slot.kind, query) for slot, query in lacking])
            for (slot, _), points in zip(lacking, answers, strict=True):
                slot.cosines |= {point.id: point.score for point in points}

    def _ranked(self, slot: _Slot, reach: int) -> Ranked:
        # Whatever the others find, the dense list holds it further down.
        decisive = slot.found["dense" if "dense" in slot.found else "lexical"]
        complete = len(decisive) < reach
        if len(slot.found) == 1:
            order = [(point.id, point.score) for point in decisive]
        else:
            order = reciprocal_rank_fusion(*self._rankings(slot))
        cosines = slot.cosines
        hits = [Candidate(id, slot.kind, cosines[id], strength) for id, strength in order if id in cosines]
        return Ranked(hits, complete)
