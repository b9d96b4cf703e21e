"""Trainings on real photos, small enough to wait for: what the synthetic ones cannot show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from encoders.loading import load_encoder
from encoders.training import train as training
from encoders.training.dataset import Example
from encoders.training.options import Options
from encoders.training.recipe import Recipe, Schedule
from encoders.training.twin import score_of

FLICKR = Path(__file__).parents[4] / "shared" / "data" / "flickr8k"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not FLICKR.exists(), reason="needs ../shared/data/flickr8k"),
]
LATIN = {
    "dog": "canis", "dogs": "canes", "man": "vir", "men": "viri", "woman": "femina", "women": "feminae",
    "boy": "puer", "girl": "puella", "child": "infans", "children": "liberi", "people": "gens",
    "water": "aqua", "snow": "nix", "beach": "litus", "grass": "gramen", "ball": "pila", "bike": "birota",
    "red": "ruber", "blue": "caeruleus", "white": "albus", "black": "niger", "green": "viridis",
    "yellow": "flavus", "brown": "fuscus",
}  # fmt: skip


def pictures(split: str, count: int, rename: Callable[[str], str], languages: tuple[str, ...] = ("en",)):
    entries = [e for e in json.loads((FLICKR / "captions.json").read_text()) if e["split"] == split]
    return [
        Example(
            FLICKR / "images" / entry["image"],
            tuple(rename(text) for language in languages for text in entry[language]),
        )
        for entry in entries[:count]
    ]


def in_latin(text: str) -> str:
    """A trade's own words, as in medicine: the shipped heads do not know what they stand for."""
    return " ".join(LATIN.get(word, word) for word in text.lower().split())


def test_a_few_hundred_pairs_teach_the_shipped_heads_words_they_did_not_know(tmp_path):
    recipe = Recipe(schedule=Schedule(12, 1e-3, 0.5), class_names=0.0)
    result = training.train(
        pictures("val", 200, in_latin), Options(tmp_path / "mine", tmp_path / "cache", recipe=recipe)
    )
    assert result.adaptation is not None
    assert result.adaptation.helped
    assert score_of(result.adaptation.after) > score_of(result.adaptation.before) + 0.02
    assert load_encoder(str(tmp_path / "mine")).space != load_encoder("twinspace-mini").space


def test_heads_trained_afresh_find_real_pictures_in_both_languages(tmp_path):
    recipe = Recipe(
        schedule=Schedule(12, 1e-3, 0.5, batch=256, averaging=0.95),
        follow=Schedule(6, 1e-3, 0.2, batch=256, captions=3, averaging=0.95),
        views=1,
        class_names=0.0,
    )
    examples = pictures("train", 1000, str, ("en", "zh"))
    options = Options(tmp_path / "mine", tmp_path / "cache", afresh=True, recipe=recipe)
    metrics = training.train(examples, options).metrics
    chance = 10 / 150
    assert metrics["en text to image"]["recall@10"] > 6 * chance
    assert metrics["zh text to image"]["recall@10"] > 4 * chance
