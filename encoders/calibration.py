"""What turns cosines of one space into `relevance`, kept beside the space's weights or by a catalogue.

Each direction has a scale of its own, and a query that is less familiar than usual moves along it. The groups
(texts of a language, pictures) are told by their vectors, so that a vector is all that a scale needs.
"""

from __future__ import annotations

import io
import json
import logging
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from encoders.base import Space, Vectors
from encoders.familiarity import Floats, Gaussian
from encoders.loading import SHIPPED

Modality = Literal["text", "image"]
MODALITIES: tuple[Modality, ...] = ("text", "image")
FILE = "relevance.npz"
FORMAT = 1

SHARES = np.array([0.01, *np.arange(1, 20) / 20, 0.99])
"""The shares of true matches whose cosines a scale knows; between them it is straight."""
APART = 1e-4
"""Least distance of neighbouring cosines on a scale, so that it rises everywhere."""

log = logging.getLogger(__name__)


class CalibrationError(Exception):
    """These bytes are no calibration, or one of another space."""


@dataclass(frozen=True)
class Direction:
    """How true matches are spread for queries of one group among items of one modality."""

    penalty: float
    """How much cosine a unit of unfamiliarity costs."""
    cosines: Floats
    """`float64[len(SHARES)]`, rising: at these cosines of a query whose unfamiliarity is 0."""


@dataclass(frozen=True)
class Group:
    """Queries that share a distribution: the texts of a language, or pictures."""

    modality: Modality
    gaussian: Gaussian
    directions: Mapping[Modality, Direction]
    """By what is searched. One is missing where the pairs said nothing about it."""
    temperature: float | None = None
    """Of the softmax over cosines in zero-shot classification by labels of this group. None: pictures."""
    usual: float = -math.inf
    """Unfamiliarity that half of the group's queries stay below. They all count as if they had it: what
    everybody says may be as little like its hits as anything else."""

    def unfamiliarity(self, vectors: Vectors) -> Floats:
        """`float64[n]`: what the penalties are for, `usual` at least."""
        return np.maximum(self.gaussian.unfamiliarity(vectors), self.usual)


@dataclass(frozen=True)
class Calibration:
    fingerprint: str
    """Of the space that it was made for."""
    pictures: int
    """From how many captioned pictures."""
    groups: Mapping[str, Group]
    strange_pictures: Vectors = field(repr=False)
    """`float32[n, d]`: pictures from another world, for whoever fits again and has none. May be empty."""

    def cosines(self, vector: Vectors, modality: Modality) -> dict[Modality, Floats]:
        """At which cosines between this query, `float32[d]`, and items each of `SHARES` is reached, for
        every modality of items about which something is known."""
        group = self._group_of(vector[None], modality)
        if group is None:
            return {}
        unfamiliarity = float(group.unfamiliarity(vector[None])[0])
        return {to: way.cosines + way.penalty * unfamiliarity for to, way in group.directions.items()}

    def spreads(self, vectors: Vectors) -> Floats:
        """`float64[n]`: how far apart the cosines between each query, `float32[n, d]`, and pictures are."""
        pictures = [group.gaussian for group in self.groups.values() if group.modality == "image"]
        return pictures[0].spread(vectors) if pictures else np.ones(len(vectors))

    def temperature(self, labels: Vectors) -> float | None:
        """Of the softmax over the cosines between a picture and these labels, `float32[n, d]`: the middle of
        what their languages need. None where nothing is known about any."""
        groups = [self._group_of(label[None], "text") for label in labels]
        known = [group.temperature for group in groups if group and group.temperature]
        return float(np.exp(np.mean(np.log(known)))) if known else None

    def _group_of(self, vectors: Vectors, modality: Modality) -> Group | None:
        groups = [group for group in self.groups.values() if group.modality == modality]
        if len(groups) < 2:
            return groups[0] if groups else None
        return max(groups, key=lambda group: float(group.gaussian.log_likelihood(vectors)[0]))

    def to_bytes(self) -> bytes:
        arrays: dict[str, NDArray[Any]] = {"strange_pictures": self.strange_pictures.astype(np.float16)}
        about: dict[str, Any] = {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "pictures": self.pictures,
            "groups": {},
        }
        for name, group in self.groups.items():
            gaussian = group.gaussian
            arrays[f"{name}/mean"] = gaussian.mean
            arrays[f"{name}/axes"] = gaussian.axes.astype(np.float16)
            arrays[f"{name}/variances"] = gaussian.variances
            penalties = {searched: it.penalty for searched, it in group.directions.items()}
            arrays |= {f"{name}/{searched}": it.cosines for searched, it in group.directions.items()}
            about["groups"][name] = {
                "modality": group.modality,
                "rest": gaussian.rest,
                "penalties": penalties,
                "temperature": group.temperature,
            }
            if math.isfinite(group.usual):
                about["groups"][name]["usual"] = group.usual
        arrays["about"] = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
        buffer = io.BytesIO()
        # In one memory order, so that the same calibration has the same bytes.
        arrays = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Calibration:
        """Raises `CalibrationError`."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(arrays["about"].tobytes())
                if about["format"] != FORMAT:
                    raise CalibrationError(f"format {about['format']}, this version reads {FORMAT}")
                return cls(
                    about["fingerprint"],
                    about["pictures"],
                    {name: _group(name, known, arrays) for name, known in about["groups"].items()},
                    arrays["strange_pictures"].astype(np.float32),
                )
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise CalibrationError(f"these bytes are no calibration ({error})") from error


def _group(name: str, known: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Group:
    gaussian = Gaussian(
        arrays[f"{name}/mean"],
        arrays[f"{name}/axes"].astype(np.float32),
        arrays[f"{name}/variances"],
        known["rest"],
    )
    directions = {s: Direction(known["penalties"][s], arrays[f"{name}/{s}"]) for s in known["penalties"]}
    # Calibrations that were fitted by earlier versions have none.
    usual = known.get("usual", -math.inf)
    return Group(known["modality"], gaussian, directions, known["temperature"], usual)


def read_calibration(folder: Path, space: Space) -> Calibration | None:
    """The calibration beside an encoder's weights. None where there is none, or none of this space: a
    search without relevance is better than no search."""
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        calibration = Calibration.from_bytes(file.read_bytes())
    except CalibrationError as error:
        log.warning("%s is passed over: %s", file, error)
        return None
    if calibration.fingerprint != space.fingerprint:
        log.warning("%s was made for other weights than those of %s: calibrate again", file, space.name)
        return None
    return calibration


def shipped_calibration(encoder: str, space: Space) -> Calibration | None:
    """Of an encoder named as `encoders.loading.load_encoder` takes it; None as in `read_calibration`."""
    return read_calibration(SHIPPED.get(encoder, Path(encoder).expanduser()), space)
