from __future__ import annotations

import numpy as np
import pytest

from backend.catalogue.search.relevance import Scale
from backend.errors import InvalidRequest
from backend.evaluation.calibrate import IMAGE, NEEDED, PENALTIES, Captions, Pairs, fit
from backend.evaluation.temperature import fit_temperature
from encoders.base import Space, Vectors
from encoders.calibration import Calibration, Modality

DIM = 32
SPACE = Space("made-up-1234", DIM, "f" * 64, ("en",), "Apache-2.0")
MEANINGS = 12
"""Dimensions in which pictures and texts of this world differ; strangers use the others too."""


def unit(rows: np.ndarray) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def world(pictures: int, seed: int, noise: float = 0.5) -> Pairs:
    """Two captions a picture; texts and pictures lie apart, as they do in real spaces."""
    random = np.random.default_rng(seed)
    meaning = np.zeros((pictures, DIM))
    meaning[:, :MEANINGS] = random.normal(size=(pictures, MEANINGS))

    def seen(rows: np.ndarray, gap: float) -> Vectors:
        noisy = rows + noise * random.normal(size=rows.shape) * (np.arange(DIM) < MEANINGS)
        noisy += 0.1 * random.normal(size=rows.shape)
        noisy[:, -1] += gap
        return unit(noisy)

    rows = np.arange(pictures)
    captions = Captions(seen(np.repeat(meaning, 2, axis=0), 2.0), np.repeat(rows, 2))
    return Pairs(seen(meaning, -2.0), {"text-en": captions}, Captions(seen(meaning, -2.0), rows))


def strange(n: int, seed: int) -> dict[str, Vectors]:
    rows = np.random.default_rng(seed).normal(size=(2, n, DIM))
    rows[0, :, -1] += 2
    rows[1, :, -1] -= 2
    return {"text-en": unit(rows[0]), IMAGE: unit(rows[1])}


def relevances(
    known: Calibration, queries: Vectors, answers: Vectors, source: Modality, to: Modality
) -> np.ndarray:
    found = []
    for query, answer in zip(queries, answers, strict=True):
        found.append(Scale(known.cosines(query, source)[to]).relevance(float(query @ answer)))
    return np.array(found)


def test_relevance_is_the_share_of_true_matches_below_in_every_direction() -> None:
    known = fit(SPACE, world(400, seed=1), strange(100, seed=2))
    fresh = world(300, seed=3)
    captions = fresh.captions["text-en"]
    first, second = captions.vectors[::2], captions.vectors[1::2]
    directions: list[tuple[Vectors, Vectors, Modality, Modality]] = [
        (first, fresh.images, "text", "image"),
        (first, second, "text", "text"),
        (fresh.images, first, "image", "text"),
    ]
    for queries, answers, source, to in directions:
        found = relevances(known, queries, answers, source, to)
        for share in (0.25, 0.5, 0.75):
            assert np.mean(found < share) == pytest.approx(share, abs=0.1)


def test_what_everybody_asks_is_held_to_the_bar_of_what_is_usual() -> None:
    known = fit(SPACE, world(400, seed=1), strange(100, seed=2))
    assert known.groups["text-en"].directions["image"].penalty > 0, "or there is nothing to hold"
    asked = world(200, seed=3).captions["text-en"].vectors
    cuts = np.array([Scale(known.cosines(query, "text")["image"]).cosine(0.25) for query in asked])
    assert np.mean(cuts == cuts.min()) == pytest.approx(0.5, abs=0.15)


def test_queries_from_another_world_find_next_to_nothing() -> None:
    pairs, others = world(400, seed=1), strange(100, seed=7)
    known = fit(SPACE, pairs, strange(100, seed=2))
    for group, source in (("text-en", "text"), (IMAGE, "image")):
        best = np.sort(others[group] @ pairs.images.T, axis=1)[:, -2]
        cuts = [Scale(known.cosines(query, source)["image"]).cosine(0.25) for query in others[group]]
        assert np.mean(best < cuts) > 0.75


def test_no_more_is_taken_from_the_cosine_than_strangers_make_necessary() -> None:
    pairs = world(200, seed=1)
    nobody = fit(SPACE, pairs, {})
    assert {it.penalty for group in nobody.groups.values() for it in group.directions.values()} == {0.0}
    lookalikes = {"text-en": pairs.captions["text-en"].vectors, IMAGE: pairs.images}
    hopeless = fit(SPACE, pairs, lookalikes)
    assert all(
        it.penalty <= PENALTIES[-1] for group in hopeless.groups.values() for it in group.directions.values()
    )


def test_fitting_again_to_the_same_gives_the_same() -> None:
    first, second = (fit(SPACE, world(100, seed=1), strange(50, seed=2)) for _ in range(2))
    assert first.to_bytes() == second.to_bytes()


def test_what_the_pairs_say_nothing_about_stays_as_it_was() -> None:
    pairs = world(100, seed=1)
    before = fit(SPACE, Pairs(pairs.images, {"text-zh": pairs.captions["text-en"]}, pairs.changed), {})
    known = fit(SPACE, pairs, {}, before)
    assert known.groups.keys() == {"text-en", "text-zh", IMAGE}
    assert known.groups["text-zh"] is before.groups["text-zh"]


def test_one_caption_a_picture_leaves_text_to_text_open() -> None:
    pairs = world(100, seed=1)
    some = pairs.captions["text-en"]
    single = Captions(some.vectors[::2], some.image_of[::2])
    known = fit(SPACE, Pairs(pairs.images, {"text-en": single}, pairs.changed), {})
    assert known.cosines(some.vectors[0], "text").keys() == {"image"}


def test_too_few_pairs_are_refused_with_the_number_needed() -> None:
    with pytest.raises(InvalidRequest, match=f"at least {NEEDED} pictures .* here are {NEEDED - 1}"):
        fit(SPACE, world(NEEDED - 1, seed=1), {})
    fit(SPACE, world(NEEDED, seed=1), strange(10, seed=2))


def test_the_temperature_is_that_of_the_softmax_the_pairs_were_drawn_from() -> None:
    random = np.random.default_rng(0)
    captions = unit(random.normal(size=(3000, DIM)))
    # Each picture is captioned by one of ten texts, drawn by the softmax over its cosines with them.
    images, chosen, temperature = unit(random.normal(size=(300, DIM))), [], 0.1
    for row, image in enumerate(images):
        likelihood = np.exp(captions[10 * row : 10 * row + 10] @ image / temperature)
        chosen.append(10 * row + random.choice(10, p=likelihood / likelihood.sum()))
    found = fit_temperature(images, captions[chosen], np.arange(300))
    assert found == pytest.approx(temperature, rel=0.5)
