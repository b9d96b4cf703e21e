"""From pictures with captions on disk to recall in both directions, through encoder and store."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.errors import InvalidRequest
from backend.evaluation.encode import encode_captions, encode_image_files
from backend.evaluation.recall import Recall, recall
from backend.evaluation.retrieval import Ranked, rank_pairs
from backend.settings import Settings
from backend.store.edge import EdgeStore
from encoders.base import Encoder, Space

LARGEST_LOSS = 0.1
"""Beyond this share of unreadable pictures the figures would be about another set than the one asked for."""

Captioned = Sequence[tuple[Path, Sequence[str]]]


@dataclass(frozen=True)
class Evaluation:
    space: Space
    images: int
    captions: int
    text_to_image: Recall
    image_to_text: Recall
    skipped: list[tuple[Path, str]]
    """Pictures that could not be read, and why."""

    def as_json(self) -> dict[str, Any]:
        return {
            "space": self.space.name,
            "images": self.images,
            "captions": self.captions,
            "text_to_image": self.text_to_image.as_json(),
            "image_to_text": self.image_to_text.as_json(),
            "skipped": [{"image": str(path), "reason": reason} for path, reason in self.skipped],
        }


def evaluate(
    encoder: Encoder, captioned: Captioned, settings: Settings, progress: Callable[[int], object]
) -> Evaluation:
    """Every caption is a query whose answer is its picture; every picture is one whose answer is any of its
    captions. `progress` hears of encoded pictures and captions. Raises `InvalidRequest` when more than a
    tenth of the pictures cannot be read."""
    paths = [path for path, _ in captioned]
    images = encode_image_files(encoder, paths, settings.image_batch, settings.max_image_pixels, progress)
    if len(images.problems) > LARGEST_LOSS * len(paths):
        path, reason = images.problems[0]
        raise InvalidRequest(
            f"{len(images.problems)} of {len(paths)} pictures cannot be read, the first is {path}: {reason}"
        )
    texts = [(text, at) for at, row in enumerate(images.rows) for text in captioned[row][1]]
    captions = encode_captions(encoder, [text for text, _ in texts], progress)
    with tempfile.TemporaryDirectory(prefix="twinspace-eval-") as folder:
        store = EdgeStore(Path(folder))
        try:
            ranked: Ranked = rank_pairs(
                store, encoder.space, images.vectors, captions, [at for _, at in texts]
            )
        finally:
            store.close()
    return Evaluation(
        space=encoder.space,
        images=len(images.rows),
        captions=len(texts),
        text_to_image=recall(ranked.text_to_image),
        image_to_text=recall(ranked.image_to_text),
        skipped=images.problems,
    )
