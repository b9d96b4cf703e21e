"""A frozen CNN and frozen or learned text towers, each with a small trained head, as one encoder.

This is the classic BERT + CNN retriever, made to work; `twinspace-mini` is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from encoders.base import EncoderError, Space, Vectors
from encoders.heads import ProjectionHead, read_heads
from encoders.manifest import HEADS, Manifest, TowerEntry, read_manifest, text_role
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.registry import build_image_tower, build_text_tower


class DualEncoder:
    """Implements `encoders.base.Encoder`. Nothing in it changes after loading, so threads share it freely."""

    def __init__(
        self,
        space: Space,
        temperature: float,
        image: tuple[ImageTower, ProjectionHead],
        text: tuple[TextTower, ProjectionHead],
    ) -> None:
        self.space = space
        self.temperature = temperature
        self._image_tower, self._image_head = image
        self._text_tower, self._text_head = text

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, self.space.dim), np.float32)
        with torch.inference_mode():
            return _as_vectors(self._text_head(self._text_tower.features(texts)))

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        if not images:
            return np.empty((0, self.space.dim), np.float32)
        with torch.inference_mode():
            return _as_vectors(self._image_head(self._image_tower.features(images)))


def load_dual(folder: Path) -> DualEncoder:
    """The encoder in `folder` (`twinspace.json`, `heads.safetensors`).

    Raises `EncoderError` when the folder is incomplete or corrupt, or was trained for other towers.
    """
    manifest = read_manifest(folder)
    tensors = read_heads(folder / HEADS, manifest.heads_sha256, manifest.towers)
    image_tower = build_image_tower(manifest.image.tower)
    _require_fit(folder, manifest.image, image_tower)
    (entry,) = manifest.texts
    text_tower = build_text_tower(entry.tower)
    _require_fit(folder, entry, text_tower)
    return DualEncoder(
        _space_of(manifest),
        manifest.temperature,
        (image_tower, _head(folder, "image", tensors, image_tower.dim, manifest.dim)),
        (text_tower, _head(folder, text_role(entry), tensors, text_tower.dim, manifest.dim)),
    )


def _space_of(manifest: Manifest) -> Space:
    return Space(
        name=f"{manifest.name}-{manifest.fingerprint[:8]}",
        dim=manifest.dim,
        fingerprint=manifest.fingerprint,
        languages=tuple(language for entry in manifest.texts for language in entry.languages),
        licence=manifest.licence,
    )


def _require_fit(folder: Path, entry: TowerEntry, tower: ImageTower | TextTower) -> None:
    if entry.fingerprint != tower.fingerprint:
        raise EncoderError(
            f"The heads in {folder} were trained for {entry.tower} {entry.fingerprint[:12]}; "
            f"the {tower.name} here is {tower.fingerprint[:12]}. Train them again."
        )


def _head(folder: Path, role: str, tensors: dict[str, Tensor], input_dim: int, dim: int) -> ProjectionHead:
    prefix = f"{role}."
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    head = ProjectionHead(input_dim, dim)
    try:
        head.load_state_dict(state)
    except RuntimeError as error:
        raise EncoderError(
            f"The {role} head in {folder} does not fit {input_dim} features: {error}"
        ) from error
    return head.eval()


def _as_vectors(unit: Tensor) -> Vectors:
    vectors: Vectors = unit.numpy()
    return vectors
