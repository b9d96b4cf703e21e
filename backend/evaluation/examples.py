"""The queries that went best and worst: figures say how often, these say on what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.evaluation.evaluate import LanguageEvaluation
from backend.evaluation.retrieval import Ranking

SHOWN = 5
"""Queries at each end."""


@dataclass(frozen=True)
class Hit:
    score: float
    right: bool
    picture: Path
    """The one found, or the one that the caption found belongs to."""
    caption: str = ""


@dataclass(frozen=True)
class Example:
    picture: Path
    """The one that the query is, or the one that it is about."""
    caption: str
    """The query; of a picture that is the query, one of its captions."""
    rank: int
    hits: list[Hit]


@dataclass(frozen=True)
class Ends:
    best: list[Example]
    """The answer came first, by the widest margin."""
    worst: list[Example]
    """The answer came latest, and not first."""


def text_to_image(of: LanguageEvaluation) -> Ends:
    ranking = of.text_to_image.ranking

    def example(query: int) -> Example:
        own = int(of.image_of[query])
        hits = [Hit(score, row == own, of.pictures[row]) for row, score in _hits(ranking, query)]
        return Example(of.pictures[own], of.captions[query], int(ranking.ranks[query]), hits)

    best, worst = _extremes(ranking, of.image_of)
    return Ends([example(query) for query in best], [example(query) for query in worst])


def image_to_text(of: LanguageEvaluation) -> Ends:
    ranking = of.image_to_text.ranking

    def example(query: int) -> Example:
        hits = []
        for row, score in _hits(ranking, query):
            belongs_to = int(of.image_of[row])
            hits.append(Hit(score, belongs_to == query, of.pictures[belongs_to], of.captions[row]))
        caption = of.captions[int(np.searchsorted(of.image_of, query))]
        return Example(of.pictures[query], caption, int(ranking.ranks[query]), hits)

    best, worst = _extremes(ranking, np.arange(len(of.pictures)))
    return Ends([example(query) for query in best], [example(query) for query in worst])


def _extremes(ranking: Ranking, pictures: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Queries, one a picture: five captions of the same picture would tell one story five times."""
    order = np.lexsort((-ranking.margins, ranking.ranks)).tolist()
    first = int(np.searchsorted(ranking.ranks[order], 1, "right"))
    return _one_each(order[:first], pictures), _one_each(reversed(order[first:]), pictures)


def _one_each(queries: Iterable[int], pictures: Sequence[int] | NDArray[np.int64]) -> list[int]:
    chosen: dict[int, int] = {}
    for query in queries:
        chosen.setdefault(int(pictures[query]), query)
        if len(chosen) == SHOWN:
            break
    return list(chosen.values())


def _hits(ranking: Ranking, query: int) -> list[tuple[int, float]]:
    pairs = zip(ranking.nearest[query].tolist(), ranking.scores[query].tolist(), strict=True)
    return [(row, score) for row, score in pairs if row >= 0]
