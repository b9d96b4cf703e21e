"""Several rankings become one by rank alone: scores of different scales (cosines of two modalities, BM25)
are never compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

RRF_K = 60
"""Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods" (SIGIR 2009)."""


def ranks_of(ids: Iterable[str]) -> dict[str, int]:
    """Counted from 1."""
    return {id: rank for rank, id in enumerate(ids, 1)}


def reciprocal_rank_fusion(
    rankings: Sequence[Mapping[str, int]], weights: Sequence[float]
) -> list[tuple[str, float]]:
    """Ids with the sum of `weight / (60 + rank)` over the rankings that hold them, best first.

    Of equal sums, the one that an earlier ranking holds first stands first.
    """
    sums: dict[str, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for id, rank in ranking.items():
            sums[id] = sums.get(id, 0.0) + weight / (RRF_K + rank)
    return sorted(sums.items(), key=lambda entry: -entry[1])
