"""A picture and its captions stand together, in a list that stays flat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from backend.catalogue.search.candidates import Candidate, Finder, Ranked
from backend.catalogue.search.known_items import KnownItems
from backend.catalogue.search.plan import Plan
from backend.catalogue.search.queries import ListName
from backend.catalogue.search.ranking import MOST
from backend.store.base import Filter, Kind

SIBLINGS = 5
"""Captions that a picture is expected to have; when it has more, more are asked for."""


class Grouping:
    def __init__(self, plan: Plan, finder: Finder, items: KnownItems) -> None:
        self._plan = plan
        self._finder = finder
        self._items = items

    def group(self, lists: Mapping[ListName, Ranked], depth: int) -> Mapping[ListName, Ranked]:
        """The groups of the first `depth` hits, whole. Pictures alone are groups of one already.

        Raises `Unavailable` and `QueueFull`.
        """
        self._items.alive([hit for ranked in lists.values() for hit in ranked.hits[:depth]])  # In one go.
        heads: dict[ListName, list[Candidate]] = {
            name: self._items.alive(ranked.hits[:depth]) for name, ranked in lists.items() if name != "image"
        }
        siblings = self._siblings(heads, depth)
        result = dict(lists)
        for name, hits in heads.items():
            complete = lists[name].complete and len(lists[name].hits) <= depth
            mine = [one for one in siblings if name == "merged" or one.kind == name]
            result[name] = Ranked(grouped(hits, mine, self._group), complete)
        return result

    def _group(self, hit: Candidate) -> str:
        """The id of its picture; a caption without one stands alone."""
        return hit.id if hit.kind == "image" else self._items[hit.id].image_id or hit.id

    def _siblings(self, heads: Mapping[ListName, list[Candidate]], depth: int) -> list[Candidate]:
        """All members of these groups, by the same search within them."""
        wanted = self._within(heads)
        if not wanted:
            return []
        reach = min(SIBLINGS * depth, MOST)
        found = self._finder.find(wanted, reach)
        while reach < MOST and not all(ranked.complete for ranked in found):
            reach = min(4 * reach, MOST)
            found = self._finder.find(wanted, reach)
        return self._items.alive([hit for ranked in found for hit in ranked.hits])

    def _within(self, heads: Mapping[ListName, list[Candidate]]) -> list[tuple[Kind, Filter]]:
        filter, kinds = self._plan.filter, self._plan.query.kinds
        groups = {name: {self._group(hit) for hit in hits} for name, hits in heads.items()}
        captions = set().union(*groups.values())
        pictures = {id for id in groups.get("merged", ()) if filter.ids is None or id in filter.ids}
        within: list[tuple[Kind, Filter]] = []
        if captions and "caption" in kinds:
            within.append(("caption", replace(filter, image_ids=tuple(sorted(captions)))))
        if pictures and "image" in kinds:
            within.append(("image", replace(filter, ids=tuple(sorted(pictures)))))
        return within


def grouped(
    hits: Iterable[Candidate], siblings: Iterable[Candidate], group_of: Callable[[Candidate], str]
) -> list[Candidate]:
    """Groups in the order of their best hit. In a group the picture, then captions as they are ranked.

    `siblings` are members of groups, not all of them of these, that may stand further down than `hits` reach.
    """
    groups: dict[str, dict[str, Candidate]] = {}
    for hit in hits:
        groups.setdefault(group_of(hit), {})[hit.id] = hit
    for sibling in siblings:
        if members := groups.get(group_of(sibling)):
            members.setdefault(sibling.id, sibling)
    return [hit for members in groups.values() for hit in sorted(members.values(), key=_captions_last)]


def _captions_last(hit: Candidate) -> bool:
    return hit.kind == "caption"
