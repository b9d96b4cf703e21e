"""Maximal marginal relevance: a list in which each hit is good and unlike those before it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.store.base import Vector


def diversified(strengths: NDArray[np.float64], vectors: Vector, diversify: float) -> list[int]:
    """The new order of hits: each next one has the most of `(1 - d) * strength - d * likeness`, where
    likeness is the largest cosine to a hit that is already in the list.

    `strengths`: float64[n] in rank order, `vectors`: float32[n, dim] of unit length. Both terms are
    scaled to 0..1 over these hits: cosines of a text with pictures lie close together and those among
    pictures far apart, so that unscaled, any `diversify` above a little would be all of it.

    Carbonell and Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998).
    """
    # Rounded as scores are: equal hits must stay equal, whatever processor multiplies.
    likeness = (vectors @ vectors.T).round(6)
    between = likeness[~np.eye(len(likeness), dtype=bool)]
    if not between.size:
        return list(range(len(strengths)))
    worth = (1 - diversify) * _scaled(strengths, strengths)
    penalty = diversify * _scaled(likeness, between)
    nearest = np.zeros(len(worth))
    left = np.ones(len(worth), dtype=bool)
    order: list[int] = []
    for _ in range(len(worth)):
        # Of equals the first: what is as good and as different as another keeps its rank.
        chosen = int(np.argmax(np.where(left, worth - nearest, -np.inf)))
        order.append(chosen)
        left[chosen] = False
        np.maximum(nearest, penalty[chosen], out=nearest)
    return order


def _scaled(values: NDArray[np.floating], among: NDArray[np.floating]) -> NDArray[np.float64]:
    low, high = float(among.min()), float(among.max())
    if high <= low:
        return np.zeros(values.shape)
    return (values.astype(np.float64) - low) / (high - low)
