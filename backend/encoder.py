"""The encoder that the settings choose, for whoever cannot begin without it."""

from __future__ import annotations

from backend.errors import ConfigurationError
from backend.settings import Settings
from encoders import loading
from encoders.base import Encoder, EncoderError
from encoders.views import with_views


def load_chosen(settings: Settings) -> Encoder:
    """Raises `ConfigurationError`: what cannot work is to be known at once, not at the first query."""
    try:
        return with_views(loading.load_encoder(settings.encoder), settings.encoder_views)
    except EncoderError as error:
        raise ConfigurationError(str(error)) from error
