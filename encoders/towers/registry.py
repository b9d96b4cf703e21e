"""From a tower's name, as `twinspace.json` or the command line gives it, to the tower."""

from __future__ import annotations

from pathlib import Path

from encoders.base import EncoderError
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.minilm import MiniLM
from encoders.towers.tf_idf import TfIdf
from encoders.towers.torchvision_cnn import PREFIX, TorchvisionCnn
from encoders.towers.vocabulary import Vocabulary
from encoders.towers.word_vectors import WordVectors

IMAGE_TOWERS = (EfficientNetLite2.name, f"{PREFIX}resnet50 (or another of its CNNs)")
TEXT_TOWERS = (MiniLM.name, WordVectors.name, TfIdf.name)


def build_image_tower(name: str, weights: Path | None = None) -> ImageTower:
    """`weights`: the state dict of a torchvision network. Raises `EncoderError` naming the known towers."""
    require_image_tower(name, weights)
    return TorchvisionCnn(name, weights) if weights else EfficientNetLite2()


def require_image_tower(name: str, weights: Path | None) -> None:
    """Raises `EncoderError` naming the known towers, or saying that `weights` are missing or not wanted."""
    if name == EfficientNetLite2.name:
        if weights:
            raise EncoderError(f"{name} comes with its weights: {weights} would not be used.")
    elif not name.startswith(PREFIX):
        raise EncoderError(f"Unknown image tower {name!r}: choose one of {', '.join(IMAGE_TOWERS)}.")
    elif not weights:
        raise EncoderError(f"The image tower {name} needs the file of its weights (a state dict, .pth).")


def require_text_tower(name: str) -> None:
    """Raises `EncoderError` naming the known towers."""
    if name not in TEXT_TOWERS:
        raise EncoderError(f"Unknown text tower {name!r}: choose one of {', '.join(TEXT_TOWERS)}.")


def needs_vocabulary(name: str) -> bool:
    return name in (WordVectors.name, TfIdf.name)


def build_text_tower(name: str, vocabulary: Vocabulary | None = None) -> TextTower:
    """`vocabulary`: for towers that need one. Raises `EncoderError` naming the known towers."""
    if name == MiniLM.name:
        return MiniLM()
    if vocabulary is not None and name == WordVectors.name:
        return WordVectors(vocabulary)
    if vocabulary is not None and name == TfIdf.name:
        return TfIdf(vocabulary)
    require_text_tower(name)
    raise EncoderError(f"The text tower {name} needs the vocabulary that it was trained with.")
