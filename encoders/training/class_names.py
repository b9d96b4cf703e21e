"""Teaches the names of ImageNet's 1,000 classes without a picture of them.

The CNN's classifier rows are prototypes of the classes in feature space. Each step pairs some of them, mixed
with others and laid over the features of pictures at hand, with prompts of their names; and asks that
pictures at hand agree with names as far as the CNN itself does. Names as facts, from timm's copy of WordNet.
"""

from __future__ import annotations

import torch
from timm.data import ImageNetInfo
from torch import Tensor, nn

from encoders.towers.efficientnet import EfficientNetLite2
from encoders.training.captions import Inputs
from encoders.training.contrastive import Units, contrastive_loss

BATCH = 400
MIN_SHARE = 0.3
"""The least share of its own prototype in a class's mixture."""
NEIGHBOURS = 8.0
CHANCE = 1.5


def class_prompts() -> list[list[str]]:
    """Nine prompts for each class, in the order of the classifier's rows."""
    return [_prompts(description.split(", ")) for description in ImageNetInfo().label_descriptions()]


def _prompts(names: list[str]) -> list[str]:
    name, second, third = (names * 3)[:3] if len(names) > 1 else names * 3
    return [
        name,
        f"a photo of {_with_article(name)}",
        f"a photo of a {name}.",
        f"{_with_article(name).capitalize()} .",
        f"a close-up picture of the {name}",
        f"there is {_with_article(name)} in the picture",
        second,
        f"a photo of {_with_article(third)}",
        third,
    ]


def _with_article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


class ClassNames:
    """`taught`: numbers of the classes whose names may be used."""

    def __init__(self, tower: EfficientNetLite2, prompts: Inputs, per_class: int, taught: Tensor) -> None:
        self._tower, self._prompts, self._per_class, self._taught = tower, prompts, per_class, taught
        self._likeness = tower.class_prototypes @ tower.class_prototypes.T / tower.class_dim

    def loss(
        self, images: nn.Module, texts: nn.Module, features: Tensor, units: Tensor, scale: Tensor
    ) -> Tensor:
        """Of two heads, on pictures' `features` and the unit vectors that `images` gave for them."""
        return self._of_prototypes(images, texts, features, scale) + self._of_pictures(
            texts, features, units, scale
        )

    def _of_prototypes(self, images: nn.Module, texts: nn.Module, features: Tensor, scale: Tensor) -> Tensor:
        classes = self._sample()
        hosts = features[torch.randint(len(features), classes.shape), : -self._tower.class_dim]
        mixed = torch.cat([hosts, self._mixtures(classes).to(hosts.device)], dim=1)
        owners = classes.to(hosts.device)
        named = Units(self._encode_names(texts, classes), owners)
        return contrastive_loss(Units(images(mixed), owners), named, scale)

    def _of_pictures(self, texts: nn.Module, features: Tensor, units: Tensor, scale: Tensor) -> Tensor:
        """Cross-entropy to the CNN's belief, weighted by how much of it is about the names at hand."""
        classes = self._sample()
        logits = self._tower.class_logits(features)
        belief = logits[:, classes].softmax(1)
        certainty = logits.softmax(1)[:, classes].sum(1)
        says = (scale * units @ self._encode_names(texts, classes).T).log_softmax(1)
        return ((-(belief * says).sum(1)) * certainty).sum() / (certainty.sum() + 1e-3)

    def _sample(self) -> Tensor:
        return self._taught[torch.randperm(len(self._taught))[:BATCH]]

    def _encode_names(self, texts: nn.Module, classes: Tensor) -> Tensor:
        numbers = classes * self._per_class + torch.randint(self._per_class, classes.shape)
        units: Tensor = texts(*self._prompts(numbers))
        return units

    def _mixtures(self, classes: Tensor) -> Tensor:
        """Prototypes as a picture shows them: with a share of others, the likelier the more alike."""
        share = MIN_SHARE + (1 - MIN_SHARE) * torch.rand(len(classes), 1)
        gumbel = -torch.log(-torch.log(torch.rand(len(classes), len(self._likeness)) + 1e-9) + 1e-9)
        others = NEIGHBOURS * self._likeness[classes] + CHANCE * gumbel
        others[torch.arange(len(classes)), classes] = -torch.inf
        weights = (1 - share) * others.softmax(1)
        weights[torch.arange(len(classes)), classes] += share[:, 0]
        mixtures: Tensor = weights @ self._tower.class_prototypes
        return mixtures
