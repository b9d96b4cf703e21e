"""torchvision's CNNs as image towers, with a weights file that the user has: ResNet-50, classically."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.models import get_model, list_models

from encoders.base import EncoderError

PREFIX = "torchvision:"
SIDE = 224
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


class TorchvisionCnn:
    """Squashes a picture to 224 x 224 and pools the last grid of features: its mean and its maximum."""

    class_dim = 0

    def __init__(self, name: str, weights: Path) -> None:
        self.name = name
        self._device = torch.device("cpu")
        self._network = _without_classifier(_load_network(name.removeprefix(PREFIX), weights))
        self.dim = 2 * self._channels()
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.fingerprint = hashlib.sha256(f"{name}/{digest}/squash-{SIDE}/mean+max".encode()).hexdigest()

    def parameters(self) -> Iterable[Tensor]:
        parameters: Iterable[Tensor] = self._network.parameters()
        return parameters

    def to(self, device: torch.device) -> None:
        self._network.to(device)
        self._device = device

    def prepare(self, image: Image.Image) -> Image.Image:
        return image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)

    def features(self, images: Sequence[Image.Image]) -> Tensor:
        squashed = [self.prepare(image) for image in images]
        pixels = torch.from_numpy(np.stack([np.asarray(image) for image in squashed])).permute(0, 3, 1, 2)
        grid = self._grid(((pixels.float() / 255 - MEAN) / STD).to(self._device))
        return torch.cat([grid.mean((2, 3)), grid.amax((2, 3))], dim=1)

    def _grid(self, batch: Tensor) -> Tensor:
        with torch.inference_mode():
            grid: Tensor = self._network(batch)
            return grid

    def _channels(self) -> int:
        """Tries one picture. Raises `EncoderError` unless features come as `[n, channels, side, side]`."""
        try:
            shape = self._grid(torch.zeros(1, 3, SIDE, SIDE)).shape
        except (RuntimeError, AssertionError):  # What a transformer without its head says of pictures.
            shape = torch.Size()
        if len(shape) != 4 or shape[2] != shape[3]:
            raise EncoderError(f"{self.name} gives no grid of features: choose a CNN, as {PREFIX}resnet50.")
        return shape[1]


def _load_network(architecture: str, weights: Path) -> nn.Module:
    # Others, such as those that mark regions, would download a backbone.
    if architecture not in list_models(module=torchvision.models):
        raise EncoderError(f"torchvision knows no network called {architecture!r} that classifies pictures.")
    network: nn.Module = get_model(architecture, weights=None)
    try:
        network.load_state_dict(torch.load(weights, weights_only=True, map_location="cpu"))
    except (OSError, EOFError, RuntimeError, TypeError, AttributeError, pickle.UnpicklingError) as error:
        raise EncoderError(
            f"{weights} holds no weights of torchvision's {architecture}: {_reason(error)}"
        ) from error
    return network.eval()


def _reason(error: Exception) -> str:
    """One line: what torch says of it is many, or advice to load what nobody should."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, EOFError):
        return "it ends too early."
    if str(error).startswith("Error(s) in loading state_dict"):
        return "its layers have other names or sizes."
    return "it is no state dict of tensors, as torch.save(network.state_dict(), ...) writes."


def _without_classifier(network: nn.Module) -> nn.Module:
    """torchvision's CNNs name their convolutions `features`, or end in a pooling and a linear layer."""
    layers = list(network.children())
    while layers and isinstance(layers[-1], nn.AdaptiveAvgPool2d | nn.Linear):
        layers.pop()
    channels_last: Any = getattr(network, "features", None) or nn.Sequential(*layers)
    return channels_last.to(memory_format=torch.channels_last)  # type: ignore[no-any-return]
