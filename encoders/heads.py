"""The learned part of a dual encoder: small projections into the shared space, and their file.

Without learned projections a 384-d text vector and a 2,560-d picture vector have no common space at all.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from encoders.base import EncoderError

HeadKind = Literal["residual", "linear", "bag"]


class ProjectionHead(nn.Module):
    """A linear map and a residual MLP beside it: `float32[n, input_dim]` to `[n, dim]` unit vectors.

    Features are standardised first (`shift` and `scale`, from the training set), because max-pooled channels
    would otherwise drown mean-pooled ones. The last `class_dim` features, a mixture of class prototypes,
    take a linear way of their own: what is learned from prototypes then holds for pictures.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, input_dim: int, dim: int, class_dim: int = 0, dropout: float = 0.0, noise: float = 0.0
    ) -> None:
        super().__init__()
        main_dim = input_dim - class_dim
        self._widths = [main_dim, class_dim]
        self.noise = noise
        self.register_buffer("shift", torch.zeros(main_dim))
        self.register_buffer("scale", torch.ones(main_dim))
        self.input_dropout = nn.Dropout(dropout)
        self.project = nn.Linear(main_dim, dim)
        self.refine = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(dim, dim),
            nn.Dropout(dropout),
        )
        self.norm = nn.LayerNorm(dim)
        self.classes = nn.Linear(class_dim, dim, bias=False) if class_dim else None

    def standardise_by(self, features: Tensor) -> None:
        """`features` may be fp16; they are looked at in chunks, for the sake of memory."""
        count, total, squares = len(features), torch.zeros_like(self.shift), torch.zeros_like(self.shift)
        for chunk in torch.split(features[:, : self._widths[0]], 2048):
            total += chunk.float().sum(0)
        mean = total / count
        for chunk in torch.split(features[:, : self._widths[0]], 2048):
            squares += (chunk.float() - mean).square().sum(0)
        self.shift.copy_(mean)
        self.scale.copy_(1 / ((squares / count).sqrt() + 1e-3))

    def forward(self, features: Tensor) -> Tensor:
        main, mixture = torch.split(features, self._widths, dim=1)
        main = self._noisy((main - self.shift) * self.scale, 1.0)
        projected = self.project(self.input_dropout(main))
        vector = self.norm(projected + self.refine(projected))
        if self.classes:
            spread = mixture.std(1, keepdim=True)
            vector = vector + self.classes(self._noisy(mixture, spread))
        return functional.normalize(vector.float(), dim=1)

    def _noisy(self, features: Tensor, spread: Tensor | float) -> Tensor:
        if not (self.training and self.noise):
            return features
        return features + self.noise * spread * torch.randn_like(features)


class BagHead(nn.Module):
    """For sums of learned vectors, whose length says little: normed, then a linear map beside an MLP."""

    def __init__(self, input_dim: int, dim: int, hidden: int = 384, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(input_dim)
        self.project = nn.Linear(input_dim, dim)
        self.refine = nn.Sequential(
            nn.Linear(input_dim, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, dim)
        )

    def forward(self, features: Tensor) -> Tensor:
        normed = self.norm(features)
        return functional.normalize((self.project(normed) + self.refine(normed)).float(), dim=1)


class LinearHead(nn.Module):
    """One learned linear map to unit vectors: all that a bag of words gets."""

    def __init__(self, input_dim: int, dim: int) -> None:
        super().__init__()
        self.project = nn.Linear(input_dim, dim)

    def forward(self, features: Tensor) -> Tensor:
        return functional.normalize(self.project(features).float(), dim=1)


def make_head(
    kind: HeadKind, input_dim: int, dim: int, class_dim: int = 0, dropout: float = 0.0, noise: float = 0.0
) -> nn.Module:
    """Dropout and noise matter to training alone."""
    if kind == "linear":
        return LinearHead(input_dim, dim)
    if kind == "bag":
        return BagHead(input_dim, dim, dropout=dropout)
    return ProjectionHead(input_dim, dim, class_dim, dropout, noise)


def pack_heads(tensors: dict[str, Tensor], towers: dict[str, str]) -> bytes:
    """A safetensors file in fp16 that remembers the fingerprints of the towers it was trained on.

    They are one value: safetensors writes several in random order, and equal heads shall be equal files.
    """
    halves = {name: tensor.detach().cpu().half().contiguous() for name, tensor in tensors.items()}
    return save(halves, metadata={"towers": json.dumps(towers, sort_keys=True)})


def read_heads(file: Path, sha256: str, towers: dict[str, str]) -> dict[str, Tensor]:
    """The tensors in fp32. Raises `EncoderError` when the file is corrupt or belongs to other towers."""
    try:
        actual = hashlib.sha256(file.read_bytes()).hexdigest()
        with safe_open(file, framework="pt") as opened:
            trained_on = json.loads((opened.metadata() or {}).get("towers", "{}"))
            tensors = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(f"{file} cannot be read as heads: {error}. Copy or train it again.") from error
    for role, fingerprint in towers.items():
        theirs = trained_on.get(role, "nothing")
        if theirs != fingerprint:
            raise EncoderError(
                f"{file} was trained for another {role} tower: "
                f"fingerprint {theirs[:12]}, expected {fingerprint[:12]}."
            )
    if actual != sha256:
        raise EncoderError(f"{file} is corrupt: its SHA-256 is {actual}, expected {sha256}.")
    return tensors
