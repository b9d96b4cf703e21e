"""From pictures with captions on disk to recall in both directions, through encoder and store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import InvalidRequest
from backend.evaluation.encode import encode_captions, encode_image_files
from backend.evaluation.recall import Recall, recall
from backend.evaluation.retrieval import Ranked, Ranking, rank_pairs
from backend.evaluation.similarities import Similarities, similarities
from backend.settings import Settings
from backend.store.edge import EdgeStore
from encoders.base import Encoder, Space, Vectors

LARGEST_LOSS = 0.1
"""Beyond this share of unreadable pictures the figures would be about another set than the one asked for."""
UNNAMED = "und"
"""BCP 47 for a language that nobody named."""

Captioned = Sequence[tuple[Path, Sequence[str]]]
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Direction:
    recall: Recall
    ranking: Ranking


@dataclass(frozen=True)
class LanguageEvaluation:
    """The captions of one language as queries and as what is found."""

    language: str
    pictures: list[Path]
    captions: list[str]
    image_of: NDArray[np.int64]
    """Which of the pictures each caption belongs to."""
    text_to_image: Direction
    image_to_text: Direction
    similarities: Similarities

    def as_json(self) -> dict[str, Any]:
        return {
            "images": len(self.pictures),
            "captions": len(self.captions),
            "text_to_image": self.text_to_image.recall.as_json(),
            "image_to_text": self.image_to_text.recall.as_json(),
            "similarity": self.similarities.as_json(),
        }


@dataclass(frozen=True)
class Evaluation:
    space: Space
    languages: list[LanguageEvaluation]
    """At least one; the first is the one that plain figures are about."""
    skipped: list[tuple[Path, str]]
    """Pictures that could not be read, and why."""

    def as_json(self) -> dict[str, Any]:
        first = self.languages[0].as_json()
        return {
            "space": self.space.name,
            **{name: value for name, value in first.items() if name != "similarity"},
            "languages": {one.language: one.as_json() for one in self.languages},
            "skipped": [{"image": str(path), "reason": reason} for path, reason in self.skipped],
        }


def evaluate(
    encoder: Encoder, captioned: Mapping[str, Captioned], settings: Settings, progress: Progress
) -> Evaluation:
    """For each language of `captioned`: every caption is a query whose answer is its picture; every picture
    is one whose answer is any of its captions. `progress` hears of encoded pictures and captions. Raises
    `InvalidRequest` when more than a tenth of the pictures cannot be read."""
    paths = pictures_of(captioned)
    images = encode_image_files(encoder, paths, settings.image_batch, settings.max_image_pixels, progress)
    if len(images.problems) > LARGEST_LOSS * len(paths):
        path, reason = images.problems[0]
        raise InvalidRequest(
            f"{len(images.problems)} of {len(paths)} pictures cannot be read, the first is {path}: {reason}"
        )
    vectors = {paths[row]: vector for row, vector in zip(images.rows, images.vectors, strict=True)}
    readable = {name: _readable(entries, vectors) for name, entries in captioned.items()}
    languages = [
        _language(encoder, name, entries, vectors, progress) for name, entries in readable.items() if entries
    ]
    if not languages:
        raise InvalidRequest("There are no captions to measure with.")
    return Evaluation(encoder.space, languages, images.problems)


def pictures_of(captioned: Mapping[str, Captioned]) -> list[Path]:
    """Each once, in the order of the file."""
    return list(dict.fromkeys(path for entries in captioned.values() for path, _ in entries))


def _readable(captioned: Captioned, vectors: Mapping[Path, Vectors]) -> dict[Path, list[str]]:
    """A picture that the file names twice is one picture with the captions of both."""
    readable: dict[Path, list[str]] = {}
    for path, texts in captioned:
        if path in vectors and texts:
            readable.setdefault(path, []).extend(texts)
    return readable


def _language(
    encoder: Encoder,
    name: str,
    captions_of: Mapping[Path, Sequence[str]],
    vectors: Mapping[Path, Vectors],
    progress: Progress,
) -> LanguageEvaluation:
    texts = [text for each in captions_of.values() for text in each]
    image_of = np.repeat(np.arange(len(captions_of)), [len(each) for each in captions_of.values()])
    images = np.stack([vectors[path] for path in captions_of])
    captions = encode_captions(encoder, texts, progress)
    ranked = _rank(encoder.space, images, captions, image_of)
    return LanguageEvaluation(
        language=name,
        pictures=list(captions_of),
        captions=texts,
        image_of=image_of,
        text_to_image=_direction(ranked.text_to_image, image_of),
        image_to_text=_direction(ranked.image_to_text, np.arange(len(captions_of))),
        similarities=similarities(images, captions, image_of),
    )


def _rank(space: Space, images: Vectors, captions: Vectors, image_of: NDArray[np.int64]) -> Ranked:
    with tempfile.TemporaryDirectory(prefix="twinspace-eval-") as folder:
        store = EdgeStore(Path(folder))
        try:
            return rank_pairs(store, space, images, captions, image_of.tolist())
        finally:
            store.close()


def _direction(ranking: Ranking, pictures: NDArray[np.int64]) -> Direction:
    return Direction(recall(ranking.ranks, pictures), ranking)
