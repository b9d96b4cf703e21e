"""How far a query is from what its encoder is known to handle: a cosine means little for the vector of a
text from another world, and this tells such vectors without a list of worlds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors

Floats = NDArray[np.float64]

AXES = 128
"""Directions that are kept one by one; more change nothing that could be measured."""
FLOOR = 0.1
"""Added to every variance, as a share of their mean: what a few hundred vectors do not show is not zero."""

BEFORE = 1000
"""Vectors that an earlier fit of the same group is worth."""


@dataclass(frozen=True)
class Gaussian:
    """The distribution of a group of unit vectors: some axes with their variances, and one for all others.

    The distance to it tells strangers from members (Lee and others, "A Simple Unified Framework for
    Detecting Out-of-Distribution Samples and Adversarial Attacks", 2018).
    """

    mean: Vectors
    """`float32[d]`"""
    axes: Vectors
    """`float32[d, r]`, orthonormal columns."""
    variances: Vectors
    """`float32[r]`, the floor included."""
    rest: float
    """Variance along every other direction."""

    @classmethod
    def of(cls, vectors: Vectors, before: Gaussian | None = None) -> Gaussian:
        """Of `float32[n, d]`, n at least 2. `before` counts as `BEFORE` more of them: few vectors alone make
        a group look narrower than it is, so that its members seem to be of another."""
        wide = vectors.astype(np.float64)
        mean, covariance, new = wide.mean(axis=0), np.cov(wide.T), 1.0
        if before is not None:
            new = len(vectors) / (len(vectors) + BEFORE)
            apart = mean - before.mean
            covariance = new * covariance + (1 - new) * before._covariance()
            covariance += new * (1 - new) * np.outer(apart, apart)
            mean = before.mean + new * apart
        values, directions = np.linalg.eigh(covariance)
        values, directions = np.maximum(values[::-1], 0), directions[:, ::-1]
        floor = FLOOR * float(values.mean()) * new  # What was known before has its floor already.
        r = min(AXES, len(values) - 1, len(vectors) - 1 if before is None else AXES)
        return cls(
            mean.astype(np.float32),
            directions[:, :r].astype(np.float32),
            (values[:r] + floor).astype(np.float32),
            float(values[r:].mean()) + floor,
        )

    def _covariance(self) -> Floats:
        axes = self.axes.astype(np.float64)
        inside = (axes * (self.variances - self.rest)) @ axes.T
        covariance: Floats = inside + self.rest * np.eye(len(self.mean))
        return covariance

    def unfamiliarity(self, vectors: Vectors) -> Floats:
        """`float64[n]`: half the logarithm of the squared Mahalanobis distance. The logarithm, because
        strangers are far away by very different amounts, and how far beyond far does not matter."""
        return 0.5 * np.log(self._squared_distance(vectors))

    def log_likelihood(self, vectors: Vectors) -> Floats:
        """`float64[n]`, up to a constant that all Gaussians share: compares groups with each other."""
        others = len(self.mean) - len(self.variances)
        volume = float(np.log(self.variances).sum()) + others * np.log(self.rest)
        likelihood: Floats = -0.5 * (self._squared_distance(vectors) + volume)
        return likelihood

    def spread(self, vectors: Vectors) -> Floats:
        """`float64[n]`: the standard deviation of each vector's cosines with members of this group."""
        along = (vectors @ self.axes) ** 2
        outside = np.maximum((vectors**2).sum(axis=1) - along.sum(axis=1), 0)
        spread: Floats = np.sqrt((along @ self.variances + outside * self.rest).astype(np.float64))
        return spread

    def _squared_distance(self, vectors: Vectors) -> Floats:
        centred = vectors - self.mean
        along = centred @ self.axes
        outside = np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        squared: Floats = ((along**2) @ (1 / self.variances) + outside / self.rest).astype(np.float64)
        return np.maximum(squared, 1e-12)
