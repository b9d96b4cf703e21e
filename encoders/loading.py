"""From a setting to an encoder: `twinspace-mini`, a folder, or a hub name.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations

from encoders.base import Encoder


def load_encoder(name: str) -> Encoder:
    """Raises `EncoderError` with what to do. Imports torch only when called."""
    raise NotImplementedError
