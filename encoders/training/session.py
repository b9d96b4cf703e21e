"""What the stages of one training run share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from encoders.script import ENGLISH
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.training.class_names import ClassNames, class_prompts
from encoders.training.features import FeatureCache
from encoders.training.material import inputs_of
from encoders.training.options import Options
from encoders.training.progress import Listener


@dataclass(frozen=True)
class Session:
    options: Options
    work: Path
    """For checkpoints."""
    cache: FeatureCache
    listener: Listener
    device: torch.device = field(
        default_factory=lambda: torch.device("cuda" if torch.cuda.is_available() else "cpu")
    )

    def prompts(self, image_tower: ImageTower) -> list[str]:
        """Of all classes, where there are class names to teach: the picture tower has to know the classes."""
        wanted = self.options.recipe.class_names and isinstance(image_tower, EfficientNetLite2)
        return [prompt for of_class in class_prompts() for prompt in of_class] if wanted else []

    def class_names(self, image_tower: ImageTower, text_towers: Mapping[str, TextTower]) -> ClassNames | None:
        """For a picture tower that knows ImageNet's classes and a text tower that reads English."""
        tower, prompts = text_towers.get(ENGLISH), self.prompts(image_tower)
        if not (prompts and tower and isinstance(image_tower, EfficientNetLite2)):
            return None
        inputs = inputs_of(tower, [prompts], self.cache, self.device)
        count = len(image_tower.class_prototypes)
        taught = taught_classes(count, self.options.recipe.held_back_names)
        return ClassNames(image_tower, inputs, len(prompts) // count, taught)


def taught_classes(count: int, held_back: int) -> torch.Tensor:
    """Numbers of the classes whose names are taught; which are held back is always the same."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(123))
    return order[held_back:].sort().values
