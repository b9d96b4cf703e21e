"""A CNN and one text tower a language, each with a small trained head, as one encoder.

This is the classic BERT + CNN retriever, made to work; `twinspace-mini` is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from encoders.base import EncoderError, Space, Vectors
from encoders.heads import make_head, read_heads
from encoders.manifest import HEADS, Manifest, TowerEntry, read_manifest, vocabulary_file
from encoders.script import parts_of
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.frozen_linear import freeze_linears
from encoders.towers.registry import build_image_tower, build_text_tower, needs_vocabulary
from encoders.towers.vocabulary import read_vocabulary


@dataclass(frozen=True)
class ImageSide:
    tower: ImageTower
    head: nn.Module


@dataclass(frozen=True)
class TextSide:
    tower: TextTower
    head: nn.Module


class DualEncoder:
    """Implements `encoders.base.Encoder`, and `Preparing`. Nothing in it changes after loading: threads share
    it freely.

    Texts go to the tower of their script; one that mixes scripts is the weighted mean of its parts.
    """

    def __init__(
        self,
        space: Space,
        temperature: float,
        image: ImageSide,
        texts: Mapping[str, TextSide],
    ) -> None:
        self.space = space
        self.temperature = temperature
        self._image = image
        self._texts = texts

    def frozen_parameters(self) -> list[Tensor]:
        """The towers' weights that are not among the heads, for those who count megabytes."""
        towers: list[ImageTower | TextTower] = [self._image.tower]
        towers += [side.tower for side in self._texts.values()]
        frozen = [tower for tower in towers if not isinstance(tower, nn.Module)]
        return [parameter for tower in frozen for parameter in tower.parameters()]

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        parts = [(row, part) for row, text in enumerate(texts) for part in parts_of(text, self._texts)]
        summed = torch.zeros(len(texts), self.space.dim)
        with torch.inference_mode():
            for language, side in self._texts.items():
                mine = [(row, part) for row, part in parts if part.language == language]
                if mine:
                    unit = side.head(side.tower.features([part.text for _, part in mine]))
                    weights = torch.tensor([[part.weight] for _, part in mine])
                    summed.index_add_(0, torch.tensor([row for row, _ in mine]), unit * weights)
            return _as_vectors(nn.functional.normalize(summed, dim=1))

    def prepare_image(self, image: Image.Image) -> Image.Image:
        return self._image.tower.prepare(image)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        if not images:
            return np.empty((0, self.space.dim), np.float32)
        with torch.inference_mode():
            return _as_vectors(self._image.head(self._image.tower.features(images)))


def load_dual(folder: Path) -> DualEncoder:
    """The encoder in `folder` (`twinspace.json`, `heads.safetensors`, vocabularies of learned towers).

    Raises `EncoderError` when the folder is incomplete or corrupt, or was trained for other towers.
    """
    manifest = read_manifest(folder)
    image, texts = load_sides(folder, manifest)
    for head in (image.head, *(side.head for side in texts.values())):
        freeze_linears(head)
    return DualEncoder(_space_of(manifest), manifest.temperature, image, texts)


def load_sides(folder: Path, manifest: Manifest) -> tuple[ImageSide, dict[str, TextSide]]:
    """Texts by language. Raises `EncoderError` like `load_dual`."""
    tensors = read_heads(folder / HEADS, manifest.heads_sha256, manifest.towers)
    texts = {str(entry.language): _text_side(folder, entry, manifest, tensors) for entry in manifest.texts}
    return _image_side(folder, manifest, tensors), texts


def _image_side(folder: Path, manifest: Manifest, tensors: dict[str, Tensor]) -> ImageSide:
    tower = build_image_tower(manifest.image.tower, _weights_file(folder, manifest.image))
    _require_fit(folder, manifest.image, tower)
    head = make_head(manifest.image.head, tower.dim, manifest.dim, tower.class_dim)
    return ImageSide(tower, _load(head, folder, f"{manifest.image.role}.head.", tensors))


def _text_side(folder: Path, entry: TowerEntry, manifest: Manifest, tensors: dict[str, Tensor]) -> TextSide:
    vocabulary = read_vocabulary(folder / vocabulary_file(entry)) if needs_vocabulary(entry.tower) else None
    tower = build_text_tower(entry.tower, vocabulary)
    _require_fit(folder, entry, tower)
    if isinstance(tower, nn.Module):
        _load(tower, folder, f"{entry.role}.tower.", tensors)
    head = make_head(entry.head, tower.dim, manifest.dim)
    return TextSide(tower, _load(head, folder, f"{entry.role}.head.", tensors))


def _space_of(manifest: Manifest) -> Space:
    return Space(
        name=f"{manifest.name}-{manifest.fingerprint[:8]}",
        dim=manifest.dim,
        fingerprint=manifest.fingerprint,
        languages=tuple(str(entry.language) for entry in manifest.texts),
        licence=manifest.licence,
    )


def _weights_file(folder: Path, entry: TowerEntry) -> Path | None:
    if entry.weights is None:
        return None
    beside = folder / Path(entry.weights).name
    return beside if beside.exists() else Path(entry.weights)


def _require_fit(folder: Path, entry: TowerEntry, tower: ImageTower | TextTower) -> None:
    if entry.fingerprint != tower.fingerprint:
        raise EncoderError(
            f"The heads in {folder} were trained for {entry.tower} {entry.fingerprint[:12]}; "
            f"the {tower.name} here is {tower.fingerprint[:12]}. Train them again."
        )


def _load(module: nn.Module, folder: Path, prefix: str, tensors: dict[str, Tensor]) -> nn.Module:
    state = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise EncoderError(f"{folder / HEADS} does not hold what {prefix}* needs: {reason}") from error
    return module.eval()


def _as_vectors(unit: Tensor) -> Vectors:
    vectors: Vectors = unit.numpy()
    return vectors
