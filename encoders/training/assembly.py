"""Towers with the heads that are trained on top of them: made anew, or taken from a folder to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from encoders.dual import load_sides
from encoders.heads import HeadKind, ProjectionHead, make_head
from encoders.manifest import TowerEntry, read_manifest
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.tf_idf import TfIdf
from encoders.towers.word_vectors import WordVectors
from encoders.training.captions import FrozenInputs
from encoders.training.export import TrainedPart, write_folder
from encoders.training.material import Material
from encoders.training.model import TextModel, TwinModel
from encoders.training.recipe import Recipe


@dataclass(frozen=True)
class Assembly:
    image_tower: ImageTower
    text_towers: Mapping[str, TextTower]
    """By language."""
    model: TwinModel

    def write(
        self, folder: Path, image_weights: Path | None, licence: str, dim: int, training: dict[str, Any]
    ) -> None:
        tower = self.image_tower
        weights = str(image_weights.resolve()) if image_weights else None
        image = TowerEntry(tower=tower.name, fingerprint=tower.fingerprint, weights=weights)
        write_folder(
            folder,
            TrainedPart(image, self.model.image.head),
            [_text_part(language, tower, self.model.texts[language]) for language, tower in self._in_order()],
            dim=dim,
            temperature=1 / self.model.scale.item(),
            licence=licence,
            training=training,
        )

    def _in_order(self) -> list[tuple[str, TextTower]]:
        return sorted(self.text_towers.items())


def _text_part(language: str, tower: TextTower, trained: nn.Module) -> TrainedPart:
    if not isinstance(trained, TextModel):
        raise TypeError("A text side is a TextModel.")
    entry = TowerEntry(
        tower=tower.name, fingerprint=tower.fingerprint, language=language, head=head_kind(tower)
    )
    return TrainedPart(entry, trained.head, trained.tower, getattr(tower, "vocabulary", None))


def head_kind(tower: TextTower) -> HeadKind:
    if isinstance(tower, TfIdf):
        return "linear"
    return "bag" if isinstance(tower, WordVectors) else "residual"


def new_image_head(tower: ImageTower, material: Material, recipe: Recipe) -> nn.Module:
    """Knows the mean and the spread of the features it will read, and nothing else."""
    head = ProjectionHead(tower.dim, recipe.dim, tower.class_dim, recipe.image_dropout, recipe.image_noise)
    head.standardise_by(material.images[0].cpu())
    return head


def new_text_model(language: str, tower: TextTower, material: Material, recipe: Recipe) -> TextModel:
    kind = head_kind(tower)
    head = make_head(kind, tower.dim, recipe.dim, dropout=recipe.text_dropout, noise=recipe.text_noise)
    inputs = material.texts[language].inputs
    if isinstance(head, ProjectionHead) and isinstance(inputs, FrozenInputs):
        head.standardise_by(inputs.features[0].cpu())
    return TextModel(head, tower if isinstance(tower, WordVectors) else None)


def load_assembly(folder: Path, recipe: Recipe) -> Assembly:
    """What `folder` holds, ready to be trained further. Raises `EncoderError` like `load_dual`."""
    manifest = read_manifest(folder)
    image, texts = load_sides(folder, manifest)
    for head in (image.head, *(side.head for side in texts.values())):
        _make_trainable(head, recipe)
    models = {
        language: TextModel(side.head, side.tower if isinstance(side.tower, WordVectors) else None)
        for language, side in texts.items()
    }
    towers = {language: side.tower for language, side in texts.items()}
    return Assembly(image.tower, towers, TwinModel(image.head, models, manifest.temperature))


def _make_trainable(head: nn.Module, recipe: Recipe) -> None:
    """Heads are loaded without the dropout and noise that training needs."""
    if isinstance(head, ProjectionHead):
        head.noise = recipe.text_noise
    for module in head.modules():
        if isinstance(module, nn.Dropout):
            module.p = recipe.text_dropout
