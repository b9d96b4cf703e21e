"""The main objective: picture head and text heads together, into one space."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from encoders.script import ENGLISH
from encoders.training.captions import Inputs, TermInputs
from encoders.training.class_names import ClassNames
from encoders.training.contrastive import Units, contrastive_loss, recall
from encoders.training.material import Material, Side
from encoders.training.model import TwinModel
from encoders.training.recipe import Recipe, Schedule

Metrics = dict[str, dict[str, float]]


class TwinObjective:
    """Implements `encoders.training.fit.Objective` for the languages that `model` has."""

    def __init__(
        self,
        model: TwinModel,
        train: Material,
        val: Material,
        recipe: Recipe,
        schedule: Schedule,
        class_names: ClassNames | None = None,
    ) -> None:
        self.model = model
        self.pictures = train.count
        self._train, self._val, self._recipe, self._schedule = train, val, recipe, schedule
        self._class_names = class_names

    def score(self, model: TwinModel) -> float:
        return score_of(evaluate(model, self._val))

    def loss(self, pictures: Tensor) -> Tensor:
        device = self._train.images.device
        views = sample_views(len(self._train.images), len(pictures)).to(device)
        features = self._train.images[views, pictures.to(device)].float()
        images = Units(self.model.image(features), pictures.to(device))
        scale = self.model.scale
        loss = torch.zeros((), device=device)
        for language, side in self._train.texts.items():
            if language in self.model.texts:
                loss = loss + self._of_side(self.model.texts[language], side, images, scale)
        if self._class_names and ENGLISH in self.model.texts:
            english = self.model.texts[ENGLISH]
            named = self._class_names.loss(self.model.image, english, features, images.vectors, scale)
            loss = loss + self._recipe.class_names * named
        return loss

    def _of_side(self, text_model: nn.Module, side: Side, images: Units, scale: Tensor) -> Tensor:
        device = images.vectors.device
        numbers = side.captions.sample(images.owners.cpu(), self._schedule.captions)
        if not len(numbers):
            return torch.zeros((), device=device)
        inputs = side.inputs
        recipe = self._recipe
        varied = recipe.hidden_terms if isinstance(inputs, TermInputs) else recipe.varied_captions
        texts = Units(text_model(*inputs(numbers, varied)), side.captions.owners[numbers].to(device))
        captioned = torch.isin(images.owners, texts.owners)
        known = Units(images.vectors[captioned], images.owners[captioned])
        likeness = likeness_of(inputs, numbers, texts.owners)
        return contrastive_loss(known, texts, scale, likeness, recipe.softness, recipe.hardness)


def likeness_of(inputs: Inputs, numbers: Tensor, owners: Tensor) -> Tensor | None:
    """Cosines `[pictures, captions]` of what is said of each picture and each caption, by the text tower."""
    sentences = inputs.sentences(numbers)
    if sentences is None:
        return None
    _, row = torch.unique(owners, return_inverse=True)
    summed = torch.zeros(int(row.max()) + 1, sentences.shape[1], device=sentences.device)
    said_of_picture = nn.functional.normalize(summed.index_add_(0, row, sentences), dim=1)
    return said_of_picture @ sentences.T


def sample_views(views: int, count: int) -> Tensor:
    """Half of the time the picture itself or its mirror image, half of the time one of the crops."""
    if views <= 2:
        return torch.randint(views, (count,))
    crops = torch.randint(2, views, (count,))
    return torch.where(torch.rand(count) < 0.5, torch.randint(2, (count,)), crops)


@torch.inference_mode()
def evaluate(model: TwinModel, material: Material) -> Metrics:
    """Recalls by direction: `en text to image`, `en image to text`, ..."""
    device = material.images.device
    images = Units(model.image(material.images[0]), torch.arange(material.count, device=device))
    metrics = {}
    for language, text_model in model.texts.items():
        side = material.texts.get(language)
        if side is None:
            continue
        numbers = torch.arange(len(side.captions.texts))
        vectors = torch.cat([text_model(*side.inputs(chunk)) for chunk in torch.split(numbers, 2048)])
        texts = Units(vectors, side.captions.owners.to(device))
        captioned = torch.isin(images.owners, texts.owners)
        metrics[f"{language} text to image"] = recall(texts, images)
        asking = Units(images.vectors[captioned], images.owners[captioned])
        metrics[f"{language} image to text"] = recall(
            asking, texts, _numbered(side.captions.texts).to(device)
        )
    return metrics


def _numbered(texts: Sequence[str]) -> Tensor:
    """`int64[n]`: equal texts have equal numbers."""
    numbers: dict[str, int] = {}
    return torch.tensor([numbers.setdefault(text, len(numbers)) for text in texts])


def score_of(metrics: Metrics) -> float:
    """Mean of Recall@1, 5 and 10 over all directions."""
    recalls = [value for row in metrics.values() for name, value in row.items() if name.startswith("recall")]
    return sum(recalls) / len(recalls) if recalls else 0.0
