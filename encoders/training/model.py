"""All that is learned, as one module: the optimiser moves it, an average follows, a checkpoint holds it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MAX_SCALE = 100.0


class TextModel(nn.Module):
    """A head, under it the tower if that is learned too."""

    def __init__(self, head: nn.Module, tower: nn.Module | None = None) -> None:
        super().__init__()
        self.head = head
        self.tower = tower

    def forward(self, *inputs: Tensor) -> Tensor:
        """What `encoders.training.captions.Inputs` give, to unit vectors."""
        with fast_arithmetic(inputs[0].device, self.training):
            unit: Tensor = self.head(self.tower(*inputs) if self.tower else inputs[0])
        return unit


class ImageModel(nn.Module):
    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: Tensor) -> Tensor:
        with fast_arithmetic(features.device, self.training):
            unit: Tensor = self.head(features.float())
        return unit


class TwinModel(nn.Module):
    def __init__(self, image_head: nn.Module, texts: dict[str, TextModel], temperature: float) -> None:
        super().__init__()
        self.image = ImageModel(image_head)
        self.texts = nn.ModuleDict(texts)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by before the softmax: one over the temperature."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)


def fast_arithmetic(device: torch.device, training: bool) -> torch.autocast:
    """bfloat16 in training where it is really faster: on a GPU, or a CPU that has instructions for it."""
    fast = device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=training and fast)
