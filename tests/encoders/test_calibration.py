from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.base import Space, Vectors
from encoders.calibration import (
    FILE,
    SHARES,
    Calibration,
    CalibrationError,
    Direction,
    Group,
    read_calibration,
    shipped_calibration,
)
from encoders.familiarity import Gaussian
from encoders.loading import SHIPPED
from encoders.manifest import read_manifest

SPACE = Space("tiny-1234", 8, "f" * 64, ("en",), "Apache-2.0")


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def around(axis: int, n: int = 200, dim: int = 8) -> Vectors:
    random = np.random.default_rng(axis)
    rows = random.normal(0, 0.2, (n, dim))
    rows[:, axis] += 1
    return unit(rows)


def calibration() -> Calibration:
    direction = Direction(0.1, np.linspace(0.1, 0.9, len(SHARES)))
    higher = Direction(0.1, direction.cosines + 1)
    groups = {
        "text-en": Group("text", Gaussian.of(around(0)), {"image": direction, "text": direction}, 0.04),
        "text-zh": Group("text", Gaussian.of(around(1)), {"image": higher}, 0.09, usual=1.5),
        "image": Group("image", Gaussian.of(around(2)), {"image": direction}),
    }
    return Calibration(SPACE.fingerprint, 200, groups, around(5, 3))


def test_a_stranger_is_less_familiar_than_any_member() -> None:
    gaussian = Gaussian.of(around(0))
    members, strangers = gaussian.unfamiliarity(around(0)), gaussian.unfamiliarity(around(4))
    assert members.max() < strangers.min()


def test_what_was_known_of_a_group_keeps_a_small_sample_from_narrowing_it() -> None:
    random = np.random.default_rng(0)

    def members(n: int, axis: int) -> Vectors:
        rows = random.normal(0, 0.2, (n, 96)) * np.linspace(1, 0.2, 96)
        rows[:, axis] += 0.8
        return unit(rows)

    before, other = (Gaussian.of(members(2000, axis)) for axis in (0, 1))
    few, fresh = members(50, 0), members(500, 0)

    def told(gaussian: Gaussian) -> float:
        return float(np.mean(gaussian.log_likelihood(fresh) > other.log_likelihood(fresh)))

    assert told(Gaussian.of(few, before)) > 0.97
    assert told(Gaussian.of(few)) < told(Gaussian.of(few, before))


def test_the_group_of_a_text_is_told_by_its_vector() -> None:
    known = calibration()
    english, chinese = (known.cosines(around(axis)[0], "text")["image"] for axis in (0, 1))
    assert english[0] < 1 < chinese[0]


def test_an_unfamiliar_query_needs_higher_cosines() -> None:
    known = calibration()
    member, stranger = (known.cosines(around(axis)[0], "image")["image"] for axis in (2, 6))
    assert (stranger > member).all()


def test_a_query_more_familiar_than_usual_needs_what_is_usual() -> None:
    known, bare = calibration(), Gaussian.of(around(1))
    queries = np.concatenate([around(1), around(4)])
    far = bare.unfamiliarity(queries)
    assert far.min() < 1.5 < far.max()
    np.testing.assert_allclose(known.groups["text-zh"].unfamiliarity(queries), np.maximum(far, 1.5))
    lowest = known.cosines(around(1)[far[:200].argmin()], "text")["image"][0]
    assert lowest == pytest.approx(1.1 + 0.1 * 1.5)


def test_a_direction_without_pairs_has_no_scale() -> None:
    assert calibration().cosines(around(2)[0], "image").keys() == {"image"}


def test_labels_have_the_temperature_of_their_language() -> None:
    known = calibration()
    assert known.temperature(around(0)[:2]) == pytest.approx(0.04)
    assert known.temperature(np.concatenate([around(0)[:1], around(1)[:1]])) == pytest.approx(0.06)


def test_it_comes_back_from_its_bytes() -> None:
    known = calibration()
    again = Calibration.from_bytes(known.to_bytes())
    assert again.groups.keys() == known.groups.keys()
    assert (again.fingerprint, again.pictures) == (SPACE.fingerprint, 200)
    assert {name: group.usual for name, group in again.groups.items()} == {
        "text-en": -np.inf,
        "text-zh": 1.5,
        "image": -np.inf,
    }
    for axis in range(3):
        vector = around(axis)[7]
        modality = "image" if axis == 2 else "text"
        before, after = (c.cosines(vector, modality)["image"] for c in (known, again))
        np.testing.assert_allclose(before, after, atol=1e-3)
    assert known.to_bytes() == again.to_bytes()


@pytest.mark.parametrize("damage", [b"", b"PK", b"not a calibration", calibration().to_bytes()[:-900]])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(CalibrationError):
        Calibration.from_bytes(damage)


def test_only_a_calibration_of_the_same_weights_is_used(tmp_path: Path) -> None:
    assert read_calibration(tmp_path, SPACE) is None
    (tmp_path / FILE).write_bytes(calibration().to_bytes())
    assert read_calibration(tmp_path, SPACE) is not None
    other = Space("tiny-5678", 8, "e" * 64, ("en",), "Apache-2.0")
    assert read_calibration(tmp_path, other) is None
    (tmp_path / FILE).write_bytes(b"damaged")
    assert read_calibration(tmp_path, SPACE) is None


def test_the_default_encoder_ships_with_every_direction() -> None:
    manifest = read_manifest(SHIPPED["twinspace-mini"])
    space = Space("twinspace-mini", manifest.dim, manifest.fingerprint, ("en", "zh"), "")
    known = shipped_calibration("twinspace-mini", space)
    assert known is not None, "fit it again: python -m bench.relevance --write"
    assert known.groups.keys() == {"text-en", "text-zh", "image"}
    assert all(group.directions.keys() == {"image", "text"} for group in known.groups.values())


def test_a_hub_name_has_none() -> None:
    assert shipped_calibration("openai/clip-vit-base-patch32", SPACE) is None
