"""Recall at k with bootstrap intervals, and median rank: from the ranks at which queries met their answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ranks = NDArray[np.int64]
"""For each query the place of its (first) answer, 1 being the best."""
Shares = NDArray[np.float64]

CUTS = (1, 5, 10)
DEEPEST = 100
"""Recall is known at every k up to this one."""
RESAMPLES = 2000
CONFIDENCE = 0.95
AT_ONCE = 100
"""Resamples that are counted together: bounds memory for large sets."""


@dataclass(frozen=True)
class Recall:
    """Recall@k: the share of queries whose answer is among the first k."""

    shares: Shares
    """`float64[100]`: at 1, 2, ... 100."""
    low: Shares
    """Lower end of the 95 % interval, likewise; `high` is the upper one."""
    high: Shares
    median_rank: float
    queries: int

    def at(self, k: int) -> float:
        return float(self.shares[k - 1])

    def interval(self, k: int) -> tuple[float, float]:
        return float(self.low[k - 1]), float(self.high[k - 1])

    def as_json(self) -> dict[str, object]:
        return {
            **{f"recall@{k}": self.at(k) for k in CUTS},
            "median_rank": self.median_rank,
            "queries": self.queries,
            "intervals": {f"recall@{k}": list(self.interval(k)) for k in CUTS},
        }


def recall(ranks: Ranks, pictures: NDArray[np.int64]) -> Recall:
    """`pictures[i]` is the picture that query `i` is about: captions of one picture succeed and fail
    together, so pictures are what intervals resample (percentile bootstrap, Efron 1979, seeded).
    Raises `ValueError` without queries: there is no recall of nothing."""
    if not len(ranks):
        raise ValueError("no queries")
    found = ranks[:, None] <= np.arange(1, DEEPEST + 1)
    low, high = _intervals(found, pictures)
    return Recall(found.mean(axis=0), low, high, float(np.median(ranks)), len(ranks))


def _intervals(found: NDArray[np.bool_], pictures: NDArray[np.int64]) -> tuple[Shares, Shares]:
    _, group = np.unique(pictures, return_inverse=True)
    queries = np.bincount(group).astype(np.float64)
    hits = np.zeros((len(queries), found.shape[1]))
    np.add.at(hits, group, found)
    random = np.random.default_rng(0)
    each = np.full(len(queries), 1 / len(queries))
    samples = []
    for _ in range(0, RESAMPLES, AT_ONCE):
        times_drawn = random.multinomial(len(queries), each, size=AT_ONCE)
        samples.append((times_drawn @ hits) / (times_drawn @ queries)[:, None])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(samples), (tail, 1 - tail), axis=0)
    return low, high
