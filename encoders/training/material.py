"""From checked examples to what the training loop reads: picture features and caption inputs, by part."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from encoders.script import CHINESE, ENGLISH
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.minilm import MiniLM
from encoders.towers.registry import build_text_tower, needs_vocabulary
from encoders.towers.tf_idf import TfIdf
from encoders.towers.vocabulary import Vocabulary, words, words_and_parts
from encoders.towers.word_vectors import WordVectors
from encoders.training.augment import some_words, without_some_words
from encoders.training.captions import Captions, FrozenInputs, Inputs, TermInputs, by_language
from encoders.training.dataset import Example, without_broken
from encoders.training.features import FeatureCache
from encoders.training.progress import Listener, TrainingError

TRAIN, VAL, HELD_OUT = "train", "val", "held out"
MIN_CAPTIONS = 50
"""Of a language, to be learned at all."""
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
    """Readable examples and their features, by part."""

    examples: dict[str, list[Example]]
    features: dict[str, Tensor] = field(default_factory=dict)


def picture_features(
    parts: Parts, tower: ImageTower, views: int, seed: int, cache: FeatureCache, listener: Listener
) -> Pictures:
    """One pass over all parts, then the other views of what is trained on. Drops and names broken ones."""
    examples = [example for part in parts.values() for example in part]
    part_of = np.repeat(list(parts), [len(part) for part in parts.values()])
    plain = cache.images(tower, [example.image for example in examples], 0, seed)
    broken = [bool(np.isnan(row).any()) for row in plain]
    readable = without_broken(examples, broken, "broken", listener)
    plain, part_of = plain[np.logical_not(broken)], part_of[np.logical_not(broken)]
    kept_in = {name: [readable[row] for row in np.flatnonzero(part_of == name)] for name in parts}
    pictures = Pictures(kept_in)
    for name, kept in pictures.examples.items():
        features = np.empty((views if name == TRAIN else 1, len(kept), tower.dim), np.float16)
        features[0] = plain[part_of == name]
        files = [example.image for example in kept]
        for view in range(1, len(features)):
            features[view] = cache.images(tower, files, view, seed)
        pictures.features[name] = torch.from_numpy(features)
    return pictures


def text_towers(
    examples: Sequence[Example], english: str, class_prompts: Sequence[str], listener: Listener
) -> dict[str, TextTower]:
    """A tower for each language with enough captions. MiniLM reads no Chinese: word vectors step in.

    Vocabularies come from training captions and, in English, from prompts of class names.
    """
    towers = {}
    for language, captions in by_language(examples).items():
        if len(captions.texts) < MIN_CAPTIONS:
            listener.say(f"{len(captions.texts)} captions in {language} are too few to learn from: left out.")
            continue
        name = WordVectors.name if english == MiniLM.name and language == CHINESE else english
        texts = (*captions.texts, *class_prompts) if language == ENGLISH else captions.texts
        vocabulary = learn_vocabulary(name, texts) if needs_vocabulary(name) else None
        towers[language] = build_text_tower(name, vocabulary)
    if not towers:
        raise TrainingError(f"No language has the {MIN_CAPTIONS} captions that are needed to learn from.")
    return towers


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
    """Captions that frozen towers read are varied in training: some words missing, or a few words alone."""
    materials = {}
    for name, examples in pictures.examples.items():
        texts = {}
        for language, captions in by_language(examples).items():
            if language in towers:
                variants = _variants(captions.texts, seed) if name == TRAIN else [captions.texts]
                texts[language] = Side(captions, inputs_of(towers[language], variants, cache, device))
        materials[name] = Material(pictures.features[name].to(device), texts)
    return materials


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
    features = np.empty((len(variants), len(variants[0]), tower.dim), np.float16)
    for variant, texts in enumerate(variants):
        features[variant] = cache.texts(tower, texts, "captions")
    return FrozenInputs(torch.from_numpy(features).to(device), tower.sentence_dim)
