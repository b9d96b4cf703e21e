from __future__ import annotations

import pytest

from backend.catalogue.search.evidence import FEW, likely_found, standing_out
from backend.store.base import ScoredPoint


def points(*scores: float) -> list[ScoredPoint]:
    return [ScoredPoint(f"p{n}", score) for n, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("scores", "number"),
    [
        ((), 0),
        ((9.0,), 1),
        ((9.0, 3.0, 2.9), 1),
        ((9.0, 8.0, 7.0, 2.0), 3),
        ((9.0,) * FEW, FEW),
        ((9.0,) * (FEW + 1), 0),
        ((3.0, 2.9, 2.8, 2.7, 2.6, 2.5, 2.4), 0),
        ((0.0, -1.0), 0),
        ((-0.5,), 0),
    ],
)
def test_a_few_hits_far_above_the_others_stand_out(scores: tuple[float, ...], number: int) -> None:
    assert set(standing_out(points(*scores))) == {f"p{n}" for n in range(number)}


def test_a_picture_is_likely_found_where_half_of_the_described_are() -> None:
    many = points(*[3.0] * 20)
    described = [point.id for point in many]
    assert likely_found(described, many) == 1.0
    assert likely_found([*described, *(f"q{n}" for n in range(80))], many) == pytest.approx(40 / 101)
    assert likely_found(described, []) == 0.0
    assert likely_found(["p0"], points(9.0, 1.0)) < 0.2
