from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.search.classify import TEMPLATES, classify
from backend.errors import InvalidRequest
from encoders.base import Vectors
from encoders.calibration import Calibration, Group
from encoders.familiarity import Gaussian
from tests.support.encoders import ColourEncoder

ENCODER = ColourEncoder()
RED = ENCODER.encode_texts(["red"])[0]


class Listening:
    """Remembers what it was asked to encode."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return ENCODER.encode_texts(texts)


def calibration(temperature: float) -> Calibration:
    group = Group("text", Gaussian.of(ENCODER.encode_texts(["red", "green", "blue"])), {}, temperature)
    return Calibration(ENCODER.space.fingerprint, 50, {"text-en": group}, np.zeros((0, 16), np.float32))


def test_the_label_that_fits_comes_first() -> None:
    found = classify(RED, ["blue", "red", "green"], None, 5, ENCODER.encode_texts, None)
    assert found[0].label == "red"
    assert found[0].score > found[1].score


@given(
    st.lists(st.sampled_from(["red", "green", "blue", "红", "plain {braces}", "{}"]), min_size=1, max_size=8)
)
def test_probabilities_of_all_labels_add_up_to_1(labels: list[str]) -> None:
    found = classify(RED, labels, None, len(labels), ENCODER.encode_texts, calibration(0.05))
    assert sum(some.probability for some in found) == pytest.approx(1)
    assert sorted(some.label for some in found) == sorted(labels)
    assert all(a.probability >= b.probability for a, b in itertools.pairwise(found))


def test_top_cuts_the_list_and_not_the_probabilities() -> None:
    both = classify(RED, ["red", "blue"], None, 2, ENCODER.encode_texts, None)
    assert classify(RED, ["red", "blue"], None, 1, ENCODER.encode_texts, None) == both[:1]


def test_labels_are_put_into_templates_of_their_language() -> None:
    heard = Listening()
    classify(RED, ["red", "红"], None, 2, heard, None)
    assert heard.texts == [t.replace("{}", "red") for t in TEMPLATES["en"]] + [
        t.replace("{}", "红") for t in TEMPLATES["zh"]
    ]


def test_templates_of_the_request_are_used_for_every_label() -> None:
    heard = Listening()
    classify(RED, ["red", "红"], ["my {} {x}"], 2, heard, None)
    assert heard.texts == ["my red {x}", "my 红 {x}"]


def test_a_template_without_a_place_is_named() -> None:
    with pytest.raises(InvalidRequest) as raised:
        classify(RED, ["red"], ["a {}", "a photo"], 1, ENCODER.encode_texts, None)
    assert raised.value.errors[0]["field"] == "templates.1"


def test_a_calibrated_space_is_as_sure_as_its_temperature_says() -> None:
    cold, warm = (
        classify(RED, ["red", "blue"], None, 1, ENCODER.encode_texts, calibration(temperature))[0].probability
        for temperature in (0.01, 1.0)
    )
    assert cold > warm > 0.5
