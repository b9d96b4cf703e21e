"""Encodes what is in work, and tells an input that cannot be encoded from an encoder that is broken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from PIL import Image

from backend.errors import Unavailable
from backend.store.base import Vector
from encoders.base import Encoder, Vectors
from workers.isolation import Outcome, isolate

Job = TypeVar("Job")

PLAIN_PICTURE = Image.new("RGB", (64, 64), (90, 120, 150))
PLAIN_TEXT = "a picture"


class EncoderBroken(Unavailable):
    """Not even the plainest input can be encoded: no item is to blame, and none fails for it."""


def warm_up(encoder: Encoder, image_batch: int) -> None:
    """Raises what the encoder raises. The first batch of a size takes 0.1 s longer: its kernels are made."""
    encoder.encode_images([PLAIN_PICTURE] * image_batch)


def encode_images(encoder: Encoder, jobs: Sequence[tuple[Job, Image.Image]]) -> Outcome[Job, Vector]:
    return _encode(jobs, encoder.encode_images, PLAIN_PICTURE)


def encode_texts(encoder: Encoder, jobs: Sequence[tuple[Job, str]]) -> Outcome[Job, Vector]:
    return _encode(jobs, encoder.encode_texts, PLAIN_TEXT)


Input = TypeVar("Input")


def _encode(
    jobs: Sequence[tuple[Job, Input]], encode: Callable[[Sequence[Input]], Vectors], plain: Input
) -> Outcome[Job, Vector]:
    """Raises `EncoderBroken`."""

    def run(some: Sequence[tuple[Job, Input]]) -> Sequence[Vector]:
        vectors = encode([input for _, input in some])
        if not np.isfinite(vectors).all():
            raise ValueError("the vector is not finite")
        return list(vectors)

    outcome = isolate(run, jobs) if jobs else Outcome()
    if outcome.failed:
        try:
            encode([plain])
        except Exception as error:
            raise EncoderBroken(f"The encoder fails on everything: {error}") from error
    return Outcome(
        [(job, vector) for (job, _), vector in outcome.done],
        [(job, error) for (job, _), error in outcome.failed],
    )
