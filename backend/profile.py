"""Wires one profile together: settings decide the adapters, everything else is the same code.

The only module that imports `workers`.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from backend.catalogue.catalogue import Catalogue
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.base import Encoder


@dataclass
class Services:
    """What the API needs. `wake` tells whoever ingests that there is work; it never raises or blocks."""

    settings: Settings
    catalogue: Catalogue
    originals: Originals
    store: VectorStore
    encoder: Callable[[], Encoder]
    """Loaded at the first call, the same object ever after."""
    wake: Callable[[], None]
    close: Callable[[], None]
    """Stops background work (finishing its batch), then closes store and catalogue."""


def open_embedded(settings: Settings) -> Services:
    """Locks the data folder (a second process is refused with `ConfigurationError`), opens catalogue,
    originals and Edge, starts the embedded runner and reconciler in threads."""
    raise NotImplementedError


def open_services(settings: Settings) -> Services:
    """Embedded or distributed, as the settings say."""
    raise NotImplementedError
