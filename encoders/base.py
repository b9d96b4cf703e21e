"""What an encoder is: two methods into one space, and a description of that space.

Everything that stores or compares vectors depends on this module alone, never on a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Vectors = NDArray[np.float32]


class EncoderError(Exception):
    """An encoder cannot be loaded or does not fit; the message says what to do."""


@dataclass(frozen=True)
class Space:
    """One vector space: vectors compare only with vectors of the same `name`.

    All have unit length, so inner product and cosine are one, and any index for either will do.

    `name` carries the start of `fingerprint`, so that a change of weights, preprocessing or
    pooling is a new space with collections of its own, whatever the model is called.
    """

    name: str
    """`<model>-<fingerprint[:8]>`, lower case letters, digits and dashes: part of collection names."""
    dim: int
    fingerprint: str
    """SHA-256 (hex) of everything that determines vectors."""
    languages: tuple[str, ...]
    """BCP 47 tags of the languages that `encode_texts` understands, best first."""
    licence: str


class Encoder(Protocol):
    """Texts and pictures to unit vectors. Safe to call from several threads."""

    @property
    def space(self) -> Space: ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """`float32[len(texts), dim]`, L2-normalised, so that inner product and cosine are one."""
        ...

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """`float32[len(images), dim]`, L2-normalised; pictures are upright RGB (`encoders.images`)."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """What an encoder may be besides: of its work on a picture, a part can be done ahead and elsewhere."""

    def prepare_image(self, image: Image.Image) -> Image.Image:
        """What `encode_images` needs of it: encoded, it is the same vector, bit for bit."""
        ...
