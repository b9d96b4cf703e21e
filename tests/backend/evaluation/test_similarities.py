from __future__ import annotations

import itertools

import numpy as np
import pytest

from backend.evaluation import similarities as module
from backend.evaluation.similarities import similarities


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_pairs_are_told_apart_as_by_comparing_each_with_each() -> None:
    random = np.random.default_rng(3)
    images = unit(random.normal(size=(12, 6)))
    image_of = np.repeat(np.arange(12), 2)
    captions = unit(images[image_of] + random.normal(size=(24, 6)))
    found = similarities(images, captions, image_of)
    cosines = captions @ images.T
    pairs = list(itertools.product(range(24), range(12)))
    matching = [cosines[c, i] for c, i in pairs if image_of[c] == i]
    others = [cosines[c, i] for c, i in pairs if image_of[c] != i]
    higher = [m > o for m in matching for o in others]
    assert found.separation == pytest.approx(np.mean(higher))
    assert found.matching_mean == pytest.approx(np.mean(matching), abs=1e-6)
    assert found.others_mean == pytest.approx(np.mean(others), abs=1e-6)
    for shares, values in ((found.matching, matching), (found.others, others)):
        assert shares.sum() == pytest.approx(1)
        middles = (found.edges[:-1] + found.edges[1:]) / 2
        assert shares @ middles == pytest.approx(np.mean(values), abs=np.diff(found.edges)[0])


def test_an_encoder_that_sees_no_difference_separates_by_chance() -> None:
    same = np.tile(np.float32([1, 0]), (4, 1))
    assert similarities(same, same, np.arange(4)).separation == 0.5


def test_large_sets_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 50)
    random = np.random.default_rng(4)
    images = unit(random.normal(size=(300, 8)))
    once, again = (similarities(images, images, np.arange(300)) for _ in range(2))
    assert once.as_json() == again.as_json(), "from a fixed seed"
    counted = once.others * (50 * 50 - 50)
    assert counted == pytest.approx(counted.round(), abs=1)
    assert once.others_mean == pytest.approx(0, abs=0.1)


def test_a_single_picture_has_no_other_pairs() -> None:
    found = similarities(np.float32([[1, 0]]), np.float32([[1, 0], [0, 1]]), np.array([0, 0]))
    assert found.others.sum() == 0
    assert found.separation == 0.5
