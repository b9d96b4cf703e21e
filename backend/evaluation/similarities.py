"""How far the cosines of what belongs together lie from those of what does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors

BINS = 60
MOST = 2000
"""Captions, and pictures, whose other pairs are counted: four million cosines are enough for a histogram."""


@dataclass(frozen=True)
class Similarities:
    """Histograms of cosines between captions and pictures; both sum to 1."""

    edges: NDArray[np.float64]
    """`float64[61]`"""
    matching: NDArray[np.float64]
    """`float64[60]`: of captions with their own picture."""
    others: NDArray[np.float64]
    """`float64[60]`: of captions with the pictures of others."""
    matching_mean: float
    others_mean: float
    separation: float
    """How often a matching pair has a higher cosine than another pair: 0.5 is chance (area under the ROC)."""

    def as_json(self) -> dict[str, float]:
        return {
            "matching_mean": self.matching_mean,
            "others_mean": self.others_mean,
            "separation": self.separation,
        }


def similarities(images: Vectors, captions: Vectors, image_of: NDArray[np.int64]) -> Similarities:
    """`images` is `float32[n, d]`, `captions` `float32[m, d]`, both of unit length, `image_of[j]` the row in
    `images` of caption `j`'s picture. With a single picture there are no other pairs, and 0.5 separates."""
    matching = np.einsum("id,id->i", captions, images[image_of]).astype(np.float64)
    others = _others(images, captions, image_of)
    everything = np.concatenate([matching, others])
    edges = np.histogram_bin_edges(everything, BINS)
    return Similarities(
        edges,
        np.histogram(matching, edges)[0] / len(matching),
        np.histogram(others, edges)[0] / max(1, len(others)),
        float(matching.mean()),
        float(others.mean()) if len(others) else 0.0,
        _separation(matching, others),
    )


def _others(images: Vectors, captions: Vectors, image_of: NDArray[np.int64]) -> NDArray[np.float64]:
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(captions))[:MOST])
    columns = np.sort(random.permutation(len(images))[:MOST])
    cosines = captions[rows] @ images[columns].T
    others: NDArray[np.float32] = cosines[image_of[rows][:, None] != columns]
    return others.astype(np.float64)


def _separation(matching: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Ties count half."""
    if not len(others):
        return 0.5
    ordered = np.sort(others)
    below = np.searchsorted(ordered, matching, "left") + np.searchsorted(ordered, matching, "right")
    return float(below.mean() / (2 * len(ordered)))
