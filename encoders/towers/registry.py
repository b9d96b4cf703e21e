"""From a tower's name in `twinspace.json` to the tower."""

from __future__ import annotations

from collections.abc import Callable

from encoders.base import EncoderError
from encoders.towers.base import ImageTower, TextTower
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.minilm import MiniLM

IMAGE_TOWERS: dict[str, Callable[[], ImageTower]] = {EfficientNetLite2.name: EfficientNetLite2}
TEXT_TOWERS: dict[str, Callable[[], TextTower]] = {MiniLM.name: MiniLM}


def build_image_tower(name: str) -> ImageTower:
    """Raises `EncoderError` naming the known towers."""
    if name not in IMAGE_TOWERS:
        raise EncoderError(f"Unknown image tower {name!r}: choose one of {', '.join(IMAGE_TOWERS)}.")
    return IMAGE_TOWERS[name]()


def build_text_tower(name: str) -> TextTower:
    """Raises `EncoderError` naming the known towers."""
    if name not in TEXT_TOWERS:
        raise EncoderError(f"Unknown text tower {name!r}: choose one of {', '.join(TEXT_TOWERS)}.")
    return TEXT_TOWERS[name]()
