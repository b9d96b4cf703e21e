from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.catalogue.calibrations import Calibrations
from backend.catalogue.database import Database
from backend.catalogue.search.query_vectors import combine
from backend.catalogue.search.relevance import (
    BEYOND,
    FRESH_SECONDS,
    QueryPart,
    Relevances,
    Scale,
    scales_of,
    weigh,
)
from encoders.base import Space
from encoders.calibration import APART, FILE, MODALITIES, SHARES, Calibration, Direction, Group, Modality
from encoders.familiarity import Gaussian
from encoders.loading import SHIPPED

SPACE = Space("tiny-1234", 8, "f" * 64, ("en",), "Apache-2.0")
RANDOM = np.random.default_rng(0)
MEMBERS = RANDOM.normal(0, 0.2, (100, 8)).astype(np.float32) + np.eye(8, dtype=np.float32)[0]
MEMBERS /= np.linalg.norm(MEMBERS, axis=1, keepdims=True)
AXES = np.eye(8, dtype=np.float32)
TEXT = [QueryPart("text", MEMBERS[0])]


def calibration(height: float = 0.0) -> Calibration:
    cosines = np.linspace(0.1, 0.6, len(SHARES)) + height
    groups = {
        name: Group(modality, Gaussian.of(MEMBERS), {"image": Direction(0.05, cosines + extra)})
        for name, modality, extra in _GROUPS
    }
    return Calibration(SPACE.fingerprint, 100, groups, np.zeros((0, 8), np.float32))


_GROUPS: list[tuple[str, Modality, float]] = [("text-en", "text", 0.0), ("image", "image", 0.2)]


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    """Of any height and any unevenness that a fit allows."""
    steps = draw(st.lists(st.floats(APART, 0.2), min_size=len(SHARES) - 1, max_size=len(SHARES) - 1))
    return Scale(draw(st.floats(-1, 1)) + np.concatenate([[0], np.cumsum(steps)]))


@given(scales(), st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_relevance_rises_with_the_cosine_within_0_and_1(scale: Scale, cosines: list[float]) -> None:
    cosines = sorted({round(cosine, 5) for cosine in cosines})
    relevances = scale.relevances(np.array(cosines))
    assert (relevances > 0).all()
    assert (relevances < 1).all()
    assert (np.diff(relevances) > 0).all()


@given(scales(), st.floats(0.0001, 0.9999))
def test_the_cosine_of_a_relevance_has_that_relevance(scale: Scale, relevance: float) -> None:
    cosine = scale.cosine(relevance)
    if cosine == -1.0:
        assert scale.relevance(-1.0) >= relevance - 1e-9
    elif cosine == BEYOND:
        assert scale.relevance(1.0) <= relevance
    else:
        assert scale.relevance(cosine) == pytest.approx(relevance, abs=1e-9)


@given(scales(), st.floats(-1, 1))
def test_a_hit_passes_the_threshold_of_any_lower_relevance(scale: Scale, cosine: float) -> None:
    relevance = scale.relevance(cosine)
    assert scale.cosine(relevance * 0.999) <= cosine


def test_the_ends_let_everything_and_nothing_pass() -> None:
    scale = Scale(np.linspace(0.1, 0.6, len(SHARES)))
    assert scale.cosine(0.0) == -1.0
    assert scale.cosine(1.0) > 1.0


def test_a_scale_can_be_kept_in_half_precision_and_remade() -> None:
    scale = Scale(np.linspace(0.1, 0.6, len(SHARES)))
    again = Scale(scale.cosines.astype(np.float32))
    assert again.relevance(0.33) == pytest.approx(scale.relevance(0.33), abs=1e-5)


@pytest.fixture
def kept(database_url: str) -> Calibrations:
    return Calibrations(Database(database_url))


def relevances(kept: Calibrations, now: list[float]) -> Relevances:
    return Relevances(kept, "no-such-encoder", SPACE, clock=lambda: now[0])


def test_without_a_calibration_there_is_no_scale(kept: Calibrations) -> None:
    assert relevances(kept, [0.0]).for_parts(TEXT) == {}


def test_what_was_fitted_is_used_by_everybody_a_moment_later(kept: Calibrations) -> None:
    now = [0.0]
    replica = relevances(kept, now)
    assert replica.calibration() is None
    kept.put(calibration())
    assert replica.calibration() is None
    now[0] += FRESH_SECONDS
    first = replica.for_parts(TEXT)["image"]
    kept.put(calibration(height=0.3))
    now[0] += FRESH_SECONDS
    second = replica.for_parts(TEXT)["image"]
    np.testing.assert_allclose(second.cosines, first.cosines + 0.3)


def test_a_space_keeps_its_calibration_beside_those_of_others(kept: Calibrations) -> None:
    kept.put(calibration())
    assert kept.version("e" * 64) is None
    assert kept.get(SPACE.fingerprint) is not None


def test_a_direction_nobody_calibrated_has_no_scale(kept: Calibrations) -> None:
    kept.put(calibration())
    assert relevances(kept, [0.0]).for_parts(TEXT).keys() == {"image"}


def test_a_composed_query_has_the_mean_of_the_scales_of_what_it_wants(kept: Calibrations) -> None:
    kept.put(calibration())
    known = relevances(kept, [0.0])
    parts = [QueryPart("text", MEMBERS[0], 2.0), QueryPart("image", MEMBERS[1])]
    whole, text, picture = (known.for_parts(some)["image"] for some in (parts, parts[:1], parts[1:]))
    heard = known.weigh(parts)
    expected = (heard[0] * text.cosines + heard[1] * picture.cosines) / heard.sum()
    np.testing.assert_allclose(whole.cosines, expected)


def test_what_is_unwanted_takes_no_relevance_from_hits_that_have_nothing_to_do_with_it(
    kept: Calibrations,
) -> None:
    kept.put(calibration())
    known = relevances(kept, [0.0])
    wanted, unwanted = np.eye(8, dtype=np.float32)[:2]
    hit = np.array([0.4, 0, 0.9, 0, 0, 0, 0, 0])
    alone = [QueryPart("text", wanted)]
    both = [*alone, QueryPart("text", unwanted, -0.7)]
    found = []
    for parts in (alone, both):
        scale = known.for_parts(parts)["image"]
        vector = combine([part.vector for part in parts], known.weigh(parts).tolist())
        found.append(scale.relevance(float(vector @ hit)))
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_parts_count_by_the_inverse_of_their_spread(kept: Calibrations) -> None:
    kept.put(calibration())
    known = relevances(kept, [0.0])
    picture, word = QueryPart("image", MEMBERS[0]), QueryPart("text", np.eye(8, dtype=np.float32)[5])
    spreads = calibration().spreads(np.stack([picture.vector, word.vector]))
    heard = known.weigh([picture, word]) * spreads
    assert heard[0] == pytest.approx(heard[1], rel=1e-3)


def test_parts_of_one_modality_keep_their_weights(kept: Calibrations) -> None:
    kept.put(calibration())
    known = relevances(kept, [0.0])
    words = [QueryPart("text", vector, weight) for vector, weight in zip(AXES, (1, -0.5, 0.25), strict=False)]
    picture = QueryPart("image", MEMBERS[0], 3.0)
    assert known.weigh(words) == pytest.approx([1, -0.5, 0.25])
    assert known.weigh([*words, replace(picture, weight=0)]) == pytest.approx([1, -0.5, 0.25, 0])
    first, second, third, _ = known.weigh([*words, picture])
    assert (second / first, third / first) == (pytest.approx(-0.5), pytest.approx(0.25))


@given(st.lists(st.sampled_from([0, 1e-9, 0.3, 1, 1000]) | st.floats(-1000, 1000), min_size=1, max_size=5))
def test_what_ships_leaves_the_weights_of_words_among_each_other(weights: list[float]) -> None:
    shipped = _shipped()
    axes = np.eye(shipped.strange_pictures.shape[1], dtype=np.float32)
    parts = [QueryPart("text", axes[n], weight) for n, weight in enumerate(weights)]
    largest = max(map(abs, weights)) or 1.0
    assert weigh(parts, shipped) == pytest.approx([weight / largest for weight in weights])


@cache
def _shipped() -> Calibration:
    return Calibration.from_bytes((SHIPPED["twinspace-mini"] / FILE).read_bytes())


@given(
    st.lists(
        st.tuples(st.sampled_from(MODALITIES), st.sampled_from([0, 1, -1]) | st.floats(-1000, 1000)),
        min_size=1,
        max_size=5,
    )
)
def test_every_query_that_has_a_direction_has_a_scale(chosen: list[tuple[Modality, float]]) -> None:
    parts = [QueryPart(modality, AXES[n], weight) for n, (modality, weight) in enumerate(chosen)]
    assume(any(weight for _, weight in chosen))
    scale = scales_of(parts, calibration())["image"]
    assert np.isfinite(scale.cosines).all()
    assert (np.diff(scale.cosines.astype(np.float32)) > 0).all()
    assert 0 < scale.relevance(0.3) < 1


def test_weights_stay_as_they_are_where_nothing_is_known(kept: Calibrations) -> None:
    parts = [QueryPart("text", MEMBERS[0], 1e300), QueryPart("image", MEMBERS[1], -5e299)]
    assert relevances(kept, [0.0]).weigh(parts) == pytest.approx([1, -0.5])
    kept.put(calibration())
    assert np.isfinite(relevances(kept, [0.0]).weigh(parts)).all()
    assert (weigh([QueryPart("text", MEMBERS[0], 0.0)], calibration()) == 0).all()
