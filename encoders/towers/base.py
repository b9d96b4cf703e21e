"""What a tower is, so that heads, training and the dual encoder need not know which one they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor


class ImageTower(Protocol):
    """Pictures to pooled features; frozen, thread-safe."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of weights, preprocessing and pooling: heads fit one fingerprint only."""
        ...

    @property
    def dim(self) -> int: ...

    @property
    def class_dim(self) -> int:
        """How many of the last features are a mixture of class prototypes; 0 for none."""
        ...

    def prepare(self, image: Image.Image) -> Image.Image:
        """What `features` needs of it; prepared once or twice, a picture is the same."""
        ...

    def features(self, images: Sequence[Image.Image]) -> Tensor:
        """`float32[len(images), dim]`, not normalised, where the weights are; pictures are RGB."""
        ...

    def to(self, device: torch.device) -> object:
        """Moves the weights, which are loaded to the CPU."""
        ...

    def parameters(self) -> Iterable[Tensor]: ...


class TextTower(Protocol):
    """Texts to features; thread-safe. `features` carries gradients only where the tower itself is learned."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    @property
    def sentence_dim(self) -> int:
        """How many of the first features make a vector whose cosine tells how alike texts are; 0 for none."""
        ...

    def features(self, texts: Sequence[str]) -> Tensor:
        """`float32[len(texts), dim]`, not normalised."""
        ...

    def to(self, device: torch.device) -> object: ...

    def parameters(self) -> Iterable[Tensor]: ...
