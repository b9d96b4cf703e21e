"""The command line with the quick encoder of the tests in place of a model: everything else is the product.

`TEST_ENCODER` is `colour` or `colour:VERSION`: another version is another space. `TEST_ENCODE_SECONDS`
makes every batch of pictures take that long; nothing is encoded while the file `TEST_ENCODE_HOLD` is there.
Cyan pictures raise, magenta ones kill the process.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

import encoders.loading
from encoders.base import Encoder, Vectors
from tests.support.encoders import ColourEncoder

RAISES = (0, 255, 255)
KILLS = (255, 0, 255)


def wait_while_held() -> None:
    hold = os.environ.get("TEST_ENCODE_HOLD")
    while hold and Path(hold).exists():
        time.sleep(0.01)


class FaultyEncoder(ColourEncoder):
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        wait_while_held()
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        wait_while_held()
        time.sleep(float(os.environ.get("TEST_ENCODE_SECONDS", "0")))
        for image in images:
            red, green, blue = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
            if red > 200 and green < 50 and blue > 200:
                os.kill(os.getpid(), signal.SIGKILL)
            if red < 50 and green > 200 and blue > 200:
                raise RuntimeError("this encoder cannot bear cyan")
        return super().encode_images(images)


def load_encoder(name: str) -> Encoder:
    _, _, version = os.environ["TEST_ENCODER"].partition(":")
    return FaultyEncoder(version or "1")


if __name__ == "__main__":
    if os.environ["TEST_ENCODER"]:
        encoders.loading.load_encoder = load_encoder  # Before anything imports it by name.
    from backend.cli import main

    main()
