"""The temperature that turns cosines of a picture and labels into probabilities that are right as often as
they say, learned from captioned pictures: a caption is a label that fits one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors

LABELS = 10
"""How many captions, of different pictures, are held against each other."""
MOST = 2000
"""Captions of one language: more change nothing."""
TEMPERATURES = np.geomspace(0.005, 0.5, 60)


def fit_temperature(images: Vectors, captions: Vectors, image_of: NDArray[np.int64]) -> float:
    """The temperature of least cross-entropy (Guo and others, "On Calibration of Modern Neural Networks",
    2017). `images` is `float32[n, d]`, `captions` `float32[m, d]`, `image_of` the rows of their pictures."""
    random = np.random.default_rng(0)
    some = random.permutation(len(captions))[:MOST]
    vectors, pictures, mine = captions[some], images[image_of[some]], image_of[some]
    drawn = random.integers(0, len(vectors), (len(vectors), LABELS - 1))
    others = np.where(mine[drawn] == mine[:, None], -np.inf, _dot(pictures, vectors[drawn]))
    right = (pictures * vectors).sum(axis=1, keepdims=True)
    table = np.concatenate([right, others], axis=1)
    losses = [_cross_entropy(table / temperature) for temperature in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def _dot(queries: Vectors, answers: Vectors) -> NDArray[np.float32]:
    product: NDArray[np.float32] = np.matmul(answers, queries[:, :, None])[:, :, 0]
    return product


def _cross_entropy(logits: NDArray[np.float32]) -> float:
    """Mean, the right answer being in the first column."""
    highest = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(axis=1)) + highest[:, 0]
    return float(np.mean(total - logits[:, 0]))
