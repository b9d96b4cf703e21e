"""Fits a space's calibration to pictures and captions that belong together.

Per direction it answers: how similar are true matches, and how much must an unfamiliar query be held back
so that queries from another world find next to nothing above the lower quarter of the matches?
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.errors import InvalidRequest
from backend.evaluation.temperature import fit_temperature
from encoders.base import Space, Vectors
from encoders.calibration import APART, SHARES, Calibration, Direction, Group, Modality
from encoders.familiarity import Floats, Gaussian

Rows = NDArray[np.int64]

NEEDED = 50
"""Captioned pictures: with fewer the lower quarter of the matches is known worse than to one in eight."""
CUT = 0.25
ALLOWED = 0.003
"""Of what is searched: a query from another world may find so much above `CUT`."""
REJECTED = 0.9
"""Of the queries from another world: that many shall find no more than `ALLOWED`."""
PENALTIES = np.arange(0, 0.801, 0.02)
"""Cosine for a unit of unfamiliarity. Beyond these, whether a query is familiar would be all that counts."""
FOLDS = 5
AGREEING = 0.75
"""Of picture-to-picture matches: pictures that show the same; the others are one picture, changed."""
OTHER_LANGUAGE = 0.25
"""What a match between languages counts beside one within a language."""
IMAGE = "image"


@dataclass(frozen=True)
class Captions:
    vectors: Vectors
    """`float32[m, d]`"""
    image_of: Rows
    """`int64[m]`: the row of each caption's picture."""


@dataclass(frozen=True)
class Pairs:
    images: Vectors
    """`float32[n, d]`"""
    captions: Mapping[str, Captions]
    """By group: the texts of one language."""
    changed: Captions
    """Pictures cropped, mirrored, compressed, and the rows of what they were made from."""


@dataclass(frozen=True)
class _Matches:
    """One kind of true matches in a direction, and how close strangers come to what is searched there."""

    cosines: Floats
    unfamiliarity: Floats
    weight: float
    strangers: Floats
    """Of each query from another world, its best cosine beyond the `ALLOWED` ones."""


@dataclass(frozen=True)
class _Unseen:
    """How unfamiliar queries are: a member is more familiar to a Gaussian that has seen it than a query ever
    will be, so each is asked of one that has not."""

    gaussians: Sequence[Gaussian]
    usual: float = -np.inf

    @classmethod
    def of(cls, members: Captions, known: Gaussian | None) -> _Unseen:
        folds = members.image_of % FOLDS
        gaussians = [Gaussian.of(members.vectors[folds != fold], known) for fold in range(FOLDS)]
        return cls(gaussians, float(np.median(cls(gaussians).unfamiliarity(members))))

    def unfamiliarity(self, queries: Captions) -> Floats:
        """`float64[m]`, `usual` at least."""
        far = np.zeros(len(queries.vectors))
        for fold, gaussian in enumerate(self.gaussians):
            mine = queries.image_of % FOLDS == fold
            far[mine] = gaussian.unfamiliarity(queries.vectors[mine])
        return np.maximum(far, self.usual)


def fit(
    space: Space, pairs: Pairs, strangers: Mapping[str, Vectors], before: Calibration | None = None
) -> Calibration:
    """`strangers` are queries from another world by group; `before` lends what these pairs say nothing about:
    other languages, and strange pictures. Raises `InvalidRequest` when there are too few pairs."""
    require_enough(len(pairs.images))
    nothing = np.zeros((0, space.dim), np.float32)
    strange_pictures = strangers.get(IMAGE, before.strange_pictures if before else nothing)
    groups = dict(before.groups) if before else {}
    everything = {**pairs.captions, IMAGE: Captions(pairs.images, np.arange(len(pairs.images)))}
    for name, members in everything.items():
        if len(members.vectors) >= NEEDED:
            strange = strange_pictures if name == IMAGE else strangers.get(name, nothing)
            groups[name] = _fit_group(name, members, pairs, strange, groups.get(name))
    return Calibration(
        space.fingerprint,
        len(pairs.images),
        groups,
        strange_pictures,
    )


def require_enough(pictures: int) -> None:
    """Raises `InvalidRequest`."""
    if pictures < NEEDED:
        raise InvalidRequest(
            f"A calibration needs at least {NEEDED} pictures with captions; here are {pictures}."
        )


def _fit_group(name: str, members: Captions, pairs: Pairs, strange: Vectors, before: Group | None) -> Group:
    modality: Modality = "image" if name == IMAGE else "text"
    known = before.gaussian if before else None
    gaussian, unseen = Gaussian.of(members.vectors, known), _Unseen.of(members, known)
    far = np.maximum(gaussian.unfamiliarity(strange), unseen.usual)
    directions = dict(before.directions) if before else {}
    for searched in ("image", "text"):
        matches = list(_matches(name, searched, members, pairs, unseen, strange))
        if sum(len(some.cosines) for some in matches) >= NEEDED:
            directions[searched] = fit_direction(matches, far)
    if modality == "image":
        return Group(modality, gaussian, directions, usual=unseen.usual)
    temperature = fit_temperature(pairs.images, members.vectors, members.image_of)
    return Group(modality, gaussian, directions, temperature, unseen.usual)


def fit_direction(matches: Sequence[_Matches], far: Floats) -> Direction:
    """The smallest penalty that holds strangers back, `far` being how unfamiliar they are: every bit more
    takes from the cosine's say."""
    best, chosen = -1.0, Direction(0.0, np.zeros(len(SHARES)))
    for penalty in PENALTIES:
        cosines = _spread(matches, penalty)
        cut = np.interp(CUT, SHARES, cosines)
        rejected = min(_share_below(some.strangers - penalty * far, cut) for some in matches)
        if rejected > best:
            best, chosen = rejected, Direction(float(penalty), cosines)
        if best >= REJECTED:
            break
    return chosen


def _share_below(values: Floats, cut: float) -> float:
    return float(np.mean(values < cut)) if len(values) else 1.0


def _spread(matches: Sequence[_Matches], penalty: float) -> Floats:
    """The cosines of `SHARES`, for a query whose unfamiliarity is 0."""
    found = [some for some in matches if len(some.cosines)]
    values = np.concatenate([some.cosines - penalty * some.unfamiliarity for some in found])
    weights = np.concatenate([np.full(len(some.cosines), some.weight / len(some.cosines)) for some in found])
    order = np.argsort(values)
    reached = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    cosines = np.interp(SHARES, reached, values[order])
    steps = np.arange(len(cosines)) * APART
    rising: Floats = np.maximum.accumulate(cosines - steps) + steps
    return rising


# -- what belongs together ---------------------------------------------------------------------
def _matches(
    name: str,
    searched: Modality,
    members: Captions,
    pairs: Pairs,
    unseen: _Unseen,
    strange: Vectors,
) -> Iterator[_Matches]:
    if searched == "text":
        for other, captions in pairs.captions.items():
            same = other == name
            queries, found = _same_picture(members.image_of, captions.image_of, leave_out_itself=same)
            weight = 1.0 if same or name == IMAGE else OTHER_LANGUAGE
            yield _measure(
                members, queries, captions.vectors[found], captions.vectors, weight, unseen, strange
            )
    elif name != IMAGE:
        rows = np.arange(len(members.vectors))
        answers = pairs.images[members.image_of]
        yield _measure(members, rows, answers, pairs.images, 1.0, unseen, strange)
    else:
        changed, alike = pairs.changed, agreeing(pairs)
        weight = AGREEING if len(alike) else 0.0
        origins = pairs.images[changed.image_of]
        rows = np.arange(len(changed.vectors))
        yield _measure(changed, rows, origins, pairs.images, 1 - weight, unseen, strange)
        answers = pairs.images[alike[:, 1]]
        yield _measure(members, alike[:, 0], answers, pairs.images, weight, unseen, strange)


def _measure(
    members: Captions,
    queries: Rows,
    answers: Vectors,
    searched: Vectors,
    weight: float,
    unseen: _Unseen,
    strange: Vectors,
) -> _Matches:
    cosines = (members.vectors[queries] * answers).sum(axis=1).astype(np.float64)
    beyond = min(round(ALLOWED * len(searched)) + 1, len(searched))
    strangers = np.sort(strange @ searched.T, axis=1)[:, -beyond].astype(np.float64)
    return _Matches(cosines, unseen.unfamiliarity(members)[queries], weight, strangers)


def _same_picture(queries: Rows, answers: Rows, leave_out_itself: bool) -> tuple[Rows, Rows]:
    """All pairs of rows that belong to one picture."""
    by_picture: dict[int, list[int]] = {}
    for row, picture in enumerate(answers):
        by_picture.setdefault(int(picture), []).append(row)
    found = [
        (query, answer)
        for query, picture in enumerate(queries)
        for answer in by_picture.get(int(picture), ())
        if not (leave_out_itself and query == answer)
    ]
    rows = np.asarray(found, np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def agreeing(pairs: Pairs) -> Rows:
    """`int64[k, 2]`: pictures and the one that is most like each by its captions, where the two agree as
    well as captions of one picture do (all but the lower quarter of them)."""
    captions = max(pairs.captions.values(), key=lambda some: len(some.vectors))
    n = len(pairs.images)
    turn = np.zeros(len(captions.vectors), np.int64)
    seen = np.zeros(n, np.int64)
    for row, picture in enumerate(captions.image_of):
        turn[row] = seen[picture]
        seen[picture] += 1
    halves = [_mean_captions(captions, n, turn % 2 == half) for half in (0, 1)]
    several = seen >= 2
    if several.sum() < NEEDED:
        return np.zeros((0, 2), np.int64)
    bar = np.quantile((halves[0] * halves[1]).sum(axis=1)[several], CUT)
    whole = _mean_captions(captions, n, np.ones(len(turn), bool))
    likeness = whole @ whole.T
    np.fill_diagonal(likeness, -1)
    rows = np.flatnonzero(likeness.max(axis=1) >= bar)
    return np.stack([rows, likeness[rows].argmax(axis=1)], axis=1)


def _mean_captions(captions: Captions, n: int, chosen: NDArray[np.bool_]) -> Vectors:
    total = np.zeros((n, captions.vectors.shape[1]), np.float32)
    np.add.at(total, captions.image_of[chosen], captions.vectors[chosen])
    unit: Vectors = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return unit
