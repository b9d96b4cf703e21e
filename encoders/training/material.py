"""From checked examples to what the training loop reads: picture features and caption inputs, by part."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encoders.script import CHINESE, ENGLISH
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.minilm import MiniLM
from encoders.towers.registry import build_text_tower, needs_vocabulary
from encoders.towers.tf_idf import TfIdf
from encoders.towers.vocabulary import Vocabulary, words, words_and_parts
from encoders.towers.word_vectors import WordVectors
from encoders.training.augment import some_words, without_some_words
from encoders.training.captions import Captions, FrozenInputs, Inputs, SparseInputs, TermInputs, by_language
from encoders.training.dataset import MIN_CAPTIONS, Example, skip
from encoders.training.features import FeatureCache, Stored, problem_of
from encoders.training.progress import Listener, TrainingError

TRAIN, VAL, HELD_OUT = "train", "val", "held out"
MAX_TERMS = {WordVectors.name: 12_000, TfIdf.name: 4_000}
Parts = Mapping[str, Sequence[Example]]
"""Examples by what they are for."""


@dataclass(frozen=True)
class Side:
    """The captions of one language, ready to be fed."""

    captions: Captions
    inputs: Inputs


@dataclass(frozen=True)
class Material:
    """One part of a data set as features: pictures `float16[views, n, d]`, captions by language."""

    images: Tensor
    texts: dict[str, Side]

    @property
    def count(self) -> int:
        return self.images.shape[1]


@dataclass(frozen=True)
class Pictures:
    """Readable examples by part, and where their features are."""

    examples: dict[str, list[Example]]
    plain: Stored
    """Of all parts, readable or not."""
    rows: dict[str, NDArray[np.intp]]
    """Which of `plain` belong to the examples of each part."""
    varied: tuple[Stored, ...]
    """Further views of what is trained on."""

    def features(self, part: str) -> Tensor:
        """`float16[views, n, d]`."""
        further = self.varied if part == TRAIN else ()
        rows = self.rows[part]
        features = np.empty((1 + len(further), len(rows), self.plain.shape[1]), np.float16)
        features[0] = self.plain.read()[rows]
        for view, stored in enumerate(further, start=1):
            features[view] = stored.read()
        return torch.from_numpy(features)


def picture_features(
    parts: Parts,
    missing: int,
    tower: ImageTower,
    views: int,
    seed: int,
    cache: FeatureCache,
    listener: Listener,
) -> Pictures:
    """One pass over all parts, then the other views of what is trained on. Drops and names broken ones, of
    which there may be few, together with those that are `missing`."""
    examples = [example for part in parts.values() for example in part]
    part_of = np.repeat(list(parts), [len(part) for part in parts.values()])
    plain = cache.images(tower, [example.image for example in examples], 0, seed)
    broken = plain.unreadable()
    lost = [examples[row].image for row in np.flatnonzero(broken)]
    skip([(file, problem_of(file)) for file in lost], missing, len(examples) + missing, listener)
    rows = {name: np.flatnonzero((part_of == name) & ~broken) for name in parts}
    kept = {name: [examples[row] for row in rows[name]] for name in parts}
    files = [example.image for example in kept[TRAIN]]
    varied = tuple(cache.images(tower, files, view, seed) for view in range(1, views))
    for stored in varied:
        for row in np.flatnonzero(stored.unreadable()):
            raise TrainingError(
                f"{files[row]} was read once, but not again ({problem_of(files[row])}): the same command "
                "goes on from here."
            )
    return Pictures(kept, plain, rows, varied)


def text_towers(
    examples: Sequence[Example], english: str, class_prompts: Sequence[str], listener: Listener
) -> dict[str, TextTower]:
    """A tower for each language with enough captions. MiniLM reads no Chinese: word vectors step in.

    Vocabularies come from training captions and, in English, from prompts of class names.
    """
    towers = {}
    for language, captions in learnable(examples, listener).items():
        name = WordVectors.name if english == MiniLM.name and language == CHINESE else english
        texts = (*captions.texts, *class_prompts) if language == ENGLISH else captions.texts
        vocabulary = learn_vocabulary(name, texts) if needs_vocabulary(name) else None
        towers[language] = build_text_tower(name, vocabulary)
    return towers


def learnable(examples: Sequence[Example], listener: Listener) -> dict[str, Captions]:
    """The captions of each language that has enough. Raises `TrainingError` where none has."""
    found = by_language(examples)
    for language, captions in found.items():
        if len(captions.texts) < MIN_CAPTIONS:
            listener.say(f"{len(captions.texts)} captions in {language} are too few to learn from: left out.")
    enough = {name: captions for name, captions in found.items() if len(captions.texts) >= MIN_CAPTIONS}
    if not enough:
        raise TrainingError(f"No language has the {MIN_CAPTIONS} captions that are needed to learn from.")
    return enough


def learn_vocabulary(tower: str, texts: Sequence[str]) -> Vocabulary:
    """Terms that at least two captions have: of one that a single caption has nothing can be learned."""
    terms_of = words if tower == TfIdf.name else words_and_parts
    return Vocabulary.of(texts, terms_of, min_count=2, max_terms=MAX_TERMS[tower])


def gather(
    pictures: Pictures,
    towers: Mapping[str, TextTower],
    cache: FeatureCache,
    seed: int,
    device: torch.device,
) -> dict[str, Material]:
    """Captions that frozen towers read are varied in training: some words missing, or a few words alone.

    Raises `TrainingError` when val says nothing about a language, because none of its pictures can be read.
    """
    sides: dict[str, dict[str, Side]] = {name: {} for name in pictures.examples}
    for name, examples in pictures.examples.items():
        for language, captions in by_language(examples).items():
            if language in towers:
                variants = _variants(captions.texts, seed) if name == TRAIN else [captions.texts]
                inputs = inputs_of(towers[language], variants, cache, device)
                sides[name][language] = Side(captions, inputs)
    for language in sides[TRAIN].keys() - sides[VAL].keys():
        raise TrainingError(
            f"No picture of the val split that can be read has a caption in {language}: without any, "
            "training cannot tell when to stop. Repair them, or name other pictures `val`."
        )
    return {name: Material(pictures.features(name).to(device), texts) for name, texts in sides.items()}


def _variants(texts: Sequence[str], seed: int) -> list[Sequence[str]]:
    rng = random.Random(seed)
    dropped = [without_some_words(text, rng) for text in texts]
    return [texts, dropped, [some_words(text, rng) for text in texts]]


def inputs_of(
    tower: TextTower, variants: Sequence[Sequence[str]], cache: FeatureCache, device: torch.device
) -> Inputs:
    """The first variant is as written, and all that a learned tower needs: it hides terms itself."""
    if isinstance(tower, WordVectors):
        return TermInputs([tower.terms(text) for text in variants[0]], device)
    if isinstance(tower, TfIdf):
        weights = [[tower.weights(text) for text in texts] for texts in variants]
        return SparseInputs(weights, tower.dim, device)
    stored = [cache.texts(tower, texts, "captions") for texts in variants]
    features = np.empty((len(variants), *stored[0].shape), np.float16)
    for variant, of_variant in enumerate(stored):
        features[variant] = of_variant.read()
    return FrozenInputs(torch.from_numpy(features).to(device), tower.sentence_dim)
