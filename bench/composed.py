"""Composed queries: is each part heard? Ways to combine parts, compared on the val split.

Halves of a caption should find its picture; a picture and words, a picture like the one that the words fit;
a picture without a word, pictures like it of which that word is not said. What is searched are all 1,000
pictures; captions say what is in them, and no vector of theirs is used but as a query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from backend.catalogue.search.relevance import QueryPart, scales_of, weigh
from backend.cli.captions import read_captions
from backend.evaluation.calibration_pairs import BATCH
from backend.evaluation.encode import encode_captions, encode_image_files
from backend.settings import Settings
from bench.bounds import Bounds
from bench.data import shared
from encoders.base import Vectors
from encoders.calibration import Calibration, shipped_calibration
from encoders.loading import load_encoder

WORDS = (
    *("dog", "man", "woman", "girl", "boy", "bike", "ball", "water", "snow", "grass", "beach"),
    *("red", "street", "horse", "tree", "ocean", "mountain", "rock", "crowd", "car"),
)
QUERIES = 300
TOP = 10
THRESHOLD = 0.25
KEPT = 0.72
Scores = NDArray[np.float32]
Method = Callable[[Sequence[QueryPart]], Scores]
"""From parts to a score for each picture."""


class Val:
    """The val split, encoded."""

    def __init__(self) -> None:
        settings = Settings()
        encoder = load_encoder(settings.encoder)
        found = shipped_calibration(settings.encoder, encoder.space)
        assert found is not None, "this encoder is not calibrated"
        self.calibration: Calibration = found
        folder = shared("flickr8k")
        entries = [e for e in read_captions(folder / "captions.json") if e.split == "val"]
        paths = [folder / "images" / entry.image for entry in entries]
        texts = [entry.captions["en"] for entry in entries]
        self.images = encode_image_files(
            encoder, paths, BATCH, settings.max_image_pixels, lambda _: None
        ).vectors
        encode = lambda some: encode_captions(encoder, some, lambda _: None)  # noqa: E731
        self.captions = encode([some[0] for some in texts])
        self.halves = encode([half for some in texts for half in _halves(some[0])]).reshape(len(texts), 2, -1)
        self.words = encode([f"a photo of {word}" for word in WORDS])
        said = [set(re.findall("[a-z]+", " ".join(some).lower())) for some in texts]
        self.says = np.array([[word in words for words in said] for word in WORDS])
        """`bool[words, pictures]`"""
        meaning = encode([text for some in texts for text in some]).reshape(len(texts), -1, encoder.space.dim)
        means = meaning.mean(axis=1)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        self.likeness = means @ means.T
        """`float32[pictures, pictures]`: how alike they are by their captions."""


def _halves(text: str) -> tuple[str, str]:
    words = text.rstrip(" .").split()
    middle = max(1, len(words) // 2)
    return " ".join(words[:middle]), " ".join(words[middle:]) or words[0]


def _methods(val: Val) -> dict[str, Method]:
    centres = {"image": val.images.mean(axis=0), "text": val.captions.mean(axis=0)}

    def summed(vectors: Sequence[Vectors], weights: Sequence[float]) -> Scores:
        total = np.asarray(weights, np.float32) @ np.stack(vectors)
        scores: Scores = val.images @ (total / np.linalg.norm(total))
        return scores

    def plain(parts: Sequence[QueryPart]) -> Scores:
        return summed([p.vector for p in parts], [p.weight for p in parts])

    def centred(parts: Sequence[QueryPart]) -> Scores:
        return summed([p.vector - centres[p.modality] for p in parts], [p.weight for p in parts])

    def by_spread(parts: Sequence[QueryPart]) -> Scores:
        return summed([p.vector for p in parts], list(weigh(parts, val.calibration)))

    def ranks(parts: Sequence[QueryPart]) -> Scores:
        found = np.zeros(len(val.images), np.float32)
        for part in parts:
            place = np.argsort(np.argsort(-(val.images @ part.vector)))
            found += part.weight / (60 + place + 1)
        return found

    def best(parts: Sequence[QueryPart]) -> Scores:
        wanted = [val.images @ part.vector for part in parts if part.weight > 0]
        unwanted = [val.images @ part.vector for part in parts if part.weight < 0]
        score = np.max(wanted, axis=0)
        if not unwanted:
            return score
        against = np.max(unwanted, axis=0)
        return np.where(score > against, score, -(against**2))

    return {
        "plain sum": plain,
        "centred per modality": centred,
        "weighed by spread": by_spread,
        "ranks fused (RRF)": ranks,
        "best score (Qdrant)": best,
    }


def _recall(scores: Sequence[Scores], answers: Sequence[int]) -> float:
    ranks = [int((some > some[answer]).sum()) for some, answer in zip(scores, answers, strict=True)]
    return float(np.mean(np.array(ranks) < TOP))


def _without(scores: Scores, picture: int) -> Scores:
    """As a search leaves out the stored items that it was made of."""
    left = scores.copy()
    left[picture] = -np.inf
    return left


def _beside(val: Val) -> list[tuple[int, int]]:
    """Pictures, and of each the one that is most like it by its captions."""
    likeness = val.likeness - 2 * np.eye(len(val.likeness), dtype=np.float32)
    return [(picture, int(likeness[picture].argmax())) for picture in range(QUERIES)]


def _measure(val: Val, method: Method) -> list[float]:
    halves = [method([QueryPart("text", half) for half in val.halves[i]]) for i in range(QUERIES)]
    both = [
        _without(method([QueryPart("image", val.images[near]), QueryPart("text", val.captions[i])]), near)
        for i, near in _beside(val)
    ]
    random = np.random.default_rng(0)
    like, with_word, still_like, without_word = [], [], [], []
    for picture in range(QUERIES):
        added = int(random.integers(len(WORDS)))
        image = QueryPart("image", val.images[picture])
        found = np.argsort(-_without(method([image, QueryPart("text", val.words[added])]), picture))[:TOP]
        like.append(val.likeness[picture, found].mean())
        with_word.append(val.says[added, found].mean())
        said = np.flatnonzero(val.says[:, picture])
        if len(said):
            taken = int(random.choice(said))
            minus = QueryPart("text", val.words[taken], -1.0)
            found = np.argsort(-_without(method([image, minus]), picture))[:TOP]
            still_like.append(val.likeness[picture, found].mean())
            without_word.append(1 - val.says[taken, found].mean())
    figures = (like, with_word, still_like, without_word)
    recalls = [_recall(halves, range(QUERIES)), _recall(both, [i for i, _ in _beside(val)])]
    return recalls + [float(np.mean(some)) for some in figures]


def _kept(val: Val, queries: Sequence[tuple[int, list[QueryPart]]]) -> float:
    """The share of answers whose relevance is at least `THRESHOLD`."""
    relevant = []
    for answer, parts in queries:
        total = weigh(parts, val.calibration) @ np.stack([part.vector for part in parts])
        scale = scales_of(parts, val.calibration)["image"]
        relevant.append(
            scale.relevance(float(val.images[answer] @ total / np.linalg.norm(total))) >= THRESHOLD
        )
    return float(np.mean(relevant))


def main() -> None:
    val = Val()
    print(f"{'':24}   R@{TOP} of      R@{TOP} of        picture + a word:      picture - a word:")
    print(f"{'':24}  halves  picture+words    alike  has the word    alike  lacks the word")
    alone = {
        "picture alone": lambda parts: val.images @ parts[0].vector,
        "last part alone": lambda parts: val.images @ parts[-1].vector * np.sign(parts[-1].weight),
    }
    results = {}
    for name, method in {**alone, **_methods(val)}.items():
        results[name] = _measure(val, method)
        print(
            f"{name:24}"
            + "".join(
                f"{value:{w}.3f}" for value, w in zip(results[name], (8, 15, 9, 14, 9, 16), strict=True)
            )
        )
    halves = [(i, [QueryPart("text", half) for half in val.halves[i]]) for i in range(QUERIES)]
    both = [
        (i, [QueryPart("image", val.images[near]), QueryPart("text", val.captions[i])])
        for i, near in _beside(val)
    ]
    ours, plain = results["weighed by spread"], results["plain sum"]
    bounds = Bounds()
    bounds.at_least("halves: recall beside a plain sum", ours[0] - plain[0], -0.01)
    bounds.at_least("picture and words: recall beside a plain sum", ours[1] - plain[1], 0.0)
    bounds.at_least("a word beside a picture is heard", ours[3] / plain[3], 1.2)
    bounds.at_least("what is unwanted stays away", ours[5] - plain[5], 0.0)
    bounds.at_least(f"halves: answers kept at relevance {THRESHOLD}", _kept(val, halves), KEPT)
    bounds.at_least(f"picture and words: answers kept at relevance {THRESHOLD}", _kept(val, both), KEPT)
    bounds.exit()


if __name__ == "__main__":
    main()
