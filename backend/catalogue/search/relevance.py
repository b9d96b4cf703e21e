"""How relevant a hit is: the share of true matches that score lower, on the scale of this very query.

Cosines of one direction (words to pictures, pictures to captions, ...) say nothing about those of another;
relevances compare, so that one threshold serves them all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backend.catalogue.calibrations import Calibrations
from backend.store.base import Kind, Vector
from encoders.base import Space
from encoders.calibration import MODALITIES, SHARES, Calibration, Modality, shipped_calibration
from encoders.familiarity import Floats

FRESH_SECONDS = 30
"""So long after `twinspace calibrate` every replica uses what it fitted."""
BEYOND = 1.001
"""A cosine that nothing has."""
UNHEARD = 1e-4
"""A part that counts so little beside the largest says nothing about what a hit must be like."""
SEARCHED: dict[Kind, Modality] = {"image": "image", "caption": "text"}


@dataclass(frozen=True)
class QueryPart:
    """One part of a query: its vector, `float32[d]` of unit length, and what it was made from."""

    modality: Modality
    vector: Vector
    weight: float = 1.0


class Scale:
    """From cosine to relevance for one query in one direction, and back. Strictly rising.

    Between the cosines of `SHARES` it is straight; beyond them it nears 0 and 1 as a hyperbola does, slowly
    enough that floats never fall together.
    """

    def __init__(self, cosines: Floats) -> None:
        self.cosines = np.asarray(cosines, np.float64)
        """`float64[len(SHARES)]`, rising: all there is to know of a scale, for whoever must keep it."""
        below, above = np.diff(self.cosines)[[0, -1]] / np.diff(SHARES)[[0, -1]]
        self._tails = float(SHARES[0] * below), float((1 - SHARES[-1]) * above)

    def relevance(self, cosine: float) -> float:
        """In 0..1, both excluded."""
        return float(self.relevances(np.array([cosine]))[0])

    def relevances(self, cosines: Floats) -> Floats:
        """The same for `float64[n]`."""
        low, high = self._tails
        below = np.maximum(self.cosines[0] - cosines, 0)
        above = np.maximum(cosines - self.cosines[-1], 0)
        found: Floats = np.interp(cosines, self.cosines, SHARES)
        found = np.where(below > 0, SHARES[0] / (1 + below / low), found)
        return np.where(above > 0, 1 - (1 - SHARES[-1]) / (1 + above / high), found)

    def cosine(self, relevance: float) -> float:
        """The lowest cosine of this relevance, in -1..1; `BEYOND` where no cosine reaches it."""
        low, high = self._tails
        if relevance <= 0:
            return -1.0
        if relevance >= 1:
            return BEYOND
        if relevance < SHARES[0]:
            found = self.cosines[0] - low * (SHARES[0] / relevance - 1)
        elif relevance > SHARES[-1]:
            found = self.cosines[-1] + high * ((1 - SHARES[-1]) / (1 - relevance) - 1)
        else:
            found = np.interp(relevance, SHARES, self.cosines)
        return float(np.clip(found, -1.0, BEYOND))


class Relevances:
    """Scales for queries in one space: from the catalogue where somebody has calibrated, else as shipped."""

    def __init__(
        self, kept: Calibrations, encoder: str, space: Space, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept = kept
        self._space = space
        self._shipped = shipped_calibration(encoder, space)
        self._clock = clock
        self._lock = threading.Lock()
        self._looked_at = -float("inf")
        self._version: str | None = None
        self._fitted: Calibration | None = None

    def calibration(self) -> Calibration | None:
        """What is in use. Raises `Unavailable`."""
        with self._lock:
            if self._clock() - self._looked_at >= FRESH_SECONDS:
                version = self._kept.version(self._space.fingerprint)
                if version != self._version:
                    self._fitted = self._kept.get(self._space.fingerprint) if version else None
                    self._version = version
                self._looked_at = self._clock()
            return self._fitted or self._shipped

    def for_parts(self, parts: Sequence[QueryPart]) -> dict[Kind, Scale]:
        """`scales_of` with the calibration in use. Raises `Unavailable`."""
        calibration = self.calibration()
        return scales_of(parts, calibration) if calibration else {}

    def weigh(self, parts: Sequence[QueryPart]) -> Floats:
        """`weigh` with the calibration in use. Raises `Unavailable`."""
        return weigh(parts, self.calibration())


def scales_of(parts: Sequence[QueryPart], calibration: Calibration) -> dict[Kind, Scale]:
    """Of the vector that the parts are combined into, for every kind of item that all directions to it are
    calibrated of.

    The mean of the scales of those parts that say what to look for, as far as each is heard: a hit need not
    be as good for every part as it would have to be for that part alone. Parts of negative weight move all
    cosines nearer to 0, and the scale with them.
    """
    weights = weigh(parts, calibration)
    # Without a part that says what to look for, the scale is that of the one that counts most.
    wanted = [i for i, weight in enumerate(weights) if weight > UNHEARD] or [int(np.abs(weights).argmax())]
    cosines = [calibration.cosines(parts[i].vector, parts[i].modality) for i in wanted]
    vectors = np.stack([part.vector for part in parts]).astype(np.float64)
    nearer = np.linalg.norm(weights[wanted] @ vectors[wanted]) / np.linalg.norm(weights @ vectors)
    heard = np.abs(weights[wanted])
    shares = heard / heard.sum() * nearer
    return {
        kind: Scale(shares @ np.stack([found[modality] for found in cosines]))
        for kind, modality in SEARCHED.items()
        if all(modality in found for found in cosines)
    }


def weigh(parts: Sequence[QueryPart], calibration: Calibration | None) -> Floats:
    """The weights with which the parts' vectors are summed, `float64[n]`, the largest being 1 or -1.

    A modality whose cosines are far apart outvotes the other: those of pictures are, beside those of words.
    So parts of each count by the inverse of their mean spread, and those of one modality among each other
    exactly by the weights that were asked for.
    """
    weights = np.array([part.weight for part in parts], np.float64)
    weights /= np.abs(weights).max() or 1.0  # Weights may be as large as floats are.
    if calibration is None or len(parts) == 1:
        return weights
    heard = weights != 0
    of = {modality: np.array([part.modality == modality for part in parts]) for modality in MODALITIES}
    if not all((mine & heard).any() for mine in of.values()):
        return weights
    spreads = calibration.spreads(np.stack([part.vector for part in parts]))
    for mine in of.values():
        weights[mine] /= spreads[mine & heard].mean()
    weighed: Floats = weights / np.abs(weights).max()
    return weighed
