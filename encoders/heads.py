"""The learned part of a dual encoder: small projections into the shared space, and their file.

Without learned projections a 384-d text vector and a 2,560-d picture vector have no common space at all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from encoders.base import EncoderError


class ProjectionHead(nn.Module):
    """Residual MLP with LayerNorm: `float32[n, input_dim]` features to `float32[n, dim]` unit vectors.

    Features are standardised first (`shift` and `scale`, set from the training set), because max-pooled
    channels would otherwise drown mean-pooled ones.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, input_dim: int, dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("shift", torch.zeros(input_dim))
        self.register_buffer("scale", torch.ones(input_dim))
        self.input_dropout = nn.Dropout(dropout)
        self.project = nn.Linear(input_dim, dim)
        self.refine = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(dim, dim),
            nn.Dropout(dropout),
        )
        self.norm = nn.LayerNorm(dim)

    def standardise_by(self, features: Tensor) -> None:
        self.shift.copy_(features.mean(0))
        self.scale.copy_(1 / (features.std(0) + 1e-4))

    def forward(self, features: Tensor) -> Tensor:
        projected = self.project(self.input_dropout((features - self.shift) * self.scale))
        return functional.normalize(self.norm(projected + self.refine(projected)), dim=1)


def pack_heads(tensors: dict[str, Tensor], towers: dict[str, str]) -> bytes:
    """A safetensors file in fp16 that remembers the fingerprints of the towers it was trained on."""
    halves = {name: tensor.detach().half().contiguous() for name, tensor in tensors.items()}
    return save(halves, metadata=towers)


def read_heads(file: Path, sha256: str, towers: dict[str, str]) -> dict[str, Tensor]:
    """The tensors in fp32. Raises `EncoderError` when the file is corrupt or belongs to other towers."""
    try:
        actual = hashlib.sha256(file.read_bytes()).hexdigest()
        with safe_open(file, framework="pt") as opened:
            trained_on = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name).float() for name in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
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
