from __future__ import annotations

import pytest
import torch

from encoders.towers.efficientnet import EfficientNetLite2
from encoders.training.class_names import ClassNames, class_prompts
from encoders.training.session import taught_classes


def test_every_class_of_the_classifier_has_nine_prompts_that_name_it():
    prompts = class_prompts()
    assert len(prompts) == 1000
    assert {len(of_class) for of_class in prompts} == {9}
    assert prompts[0][:2] == ["tench", "a photo of a tench"]
    assert "a photo of an acoustic guitar" in prompts[402]


def test_names_that_are_held_back_are_never_used():
    taught = taught_classes(1000, 200)
    assert len(taught) == 800
    used = set()

    def texts(numbers: torch.Tensor) -> torch.Tensor:
        used.update((numbers // 9).tolist())
        return torch.nn.functional.normalize(torch.ones(len(numbers), 4), dim=1)

    tower = EfficientNetLite2()
    features = torch.rand(8, tower.dim)
    images = torch.nn.Linear(tower.dim, 4)
    names = ClassNames(tower, lambda numbers: (numbers,), 9, taught)
    for _ in range(5):
        loss = names.loss(images, texts, features, images(features), torch.tensor(20.0))
    assert loss.isfinite()
    assert used <= set(taught.tolist())
    assert len(used) > 700


@pytest.mark.parametrize("class_number", [0, 207, 999])
def test_a_mixture_is_nearest_to_its_own_prototype(class_number):
    torch.manual_seed(0)
    tower = EfficientNetLite2()
    names = ClassNames(tower, lambda numbers: (numbers,), 9, taught_classes(1000, 0))
    mixtures = names._mixtures(torch.tensor([class_number] * 20))
    nearest = (torch.nn.functional.normalize(mixtures, dim=1) @ tower.class_prototypes.T).argmax(1)
    assert (nearest == class_number).float().mean() >= 0.75
