"""A calibration of the encoder of colours: nobody's pairs, but it rises and differs by direction."""

from __future__ import annotations

import numpy as np

from encoders.calibration import SHARES, Calibration, Direction, Group
from encoders.familiarity import Gaussian
from tests.support.encoders import ColourEncoder


def colour_calibration(encoder: ColourEncoder) -> Calibration:
    texts = encoder.encode_texts([f"{colour} {i}" for colour in ("red", "green", "blue") for i in range(10)])
    directions = {
        "image": Direction(0.0, np.linspace(0.2, 0.8, len(SHARES))),
        "text": Direction(0.0, np.linspace(0.5, 1.0, len(SHARES))),
    }
    groups = {
        "text-en": Group("text", Gaussian.of(texts), directions, 0.05),
        "image": Group("image", Gaussian.of(texts), directions, None),
    }
    nothing = np.zeros((0, encoder.space.dim), np.float32)
    return Calibration(encoder.space.fingerprint, 30, groups, nothing)
