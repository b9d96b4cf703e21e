"""Several rankings become one by rank alone: scores of different scales (cosines of two modalities, BM25)
are never compared with each other."""

from __future__ import annotations

from collections.abc import Sequence

RRF_K = 60
"""Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods" (SIGIR 2009)."""


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[str]], weights: Sequence[float]
) -> list[tuple[str, float]]:
    """Ids with the sum of `weight / (60 + rank)` over the rankings that hold them, best first.

    Ranks count from 1. Of equal sums, the one that an earlier ranking names first stands first.
    """
    sums: dict[str, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, id in enumerate(ranking, 1):
            sums[id] = sums.get(id, 0.0) + weight / (RRF_K + rank)
    return sorted(sums.items(), key=lambda entry: -entry[1])
