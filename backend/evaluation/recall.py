"""Recall at k and median rank, from the ranks at which queries found their answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int64]
"""For each query the place of its (first) answer, 1 being the best."""

CUTS = (1, 5, 10)


@dataclass(frozen=True)
class Recall:
    """Recall@k: the share of queries whose answer is among the first k."""

    at_1: float
    at_5: float
    at_10: float
    median_rank: float
    queries: int

    def as_json(self) -> dict[str, float]:
        shares = {
            f"recall@{k}": value for k, value in zip(CUTS, (self.at_1, self.at_5, self.at_10), strict=True)
        }
        return {**shares, "median_rank": self.median_rank, "queries": self.queries}


def recall(ranks: Ranks) -> Recall:
    """Raises `ValueError` without queries: there is no recall of nothing."""
    if not len(ranks):
        raise ValueError("no queries")
    at_1, at_5, at_10 = (float(np.mean(ranks <= k)) for k in CUTS)
    return Recall(at_1, at_5, at_10, float(np.median(ranks)), len(ranks))
