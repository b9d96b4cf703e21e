"""Opens what the settings ask for: the adapters that servers and workers have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from backend.catalogue.catalogue import Catalogue
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import VectorStore
from encoders.base import Encoder
from encoders.loading import load_encoder
from encoders.views import with_views


class LazyEncoder:
    """Loaded by whoever needs it first; everybody else waits for that, and gets the same object."""

    def __init__(self, settings: Settings, load: Callable[[str], Encoder]) -> None:
        self._settings = settings
        self._load = load
        self._loading = threading.Lock()
        self._encoder: Encoder | None = None

    def __call__(self) -> Encoder:
        """Raises `EncoderError`; the next call tries again."""
        if self._encoder is None:
            with self._loading:
                if self._encoder is None:
                    self._set_threads()
                    loaded = self._load(self._settings.encoder)
                    self._encoder = with_views(loaded, self._settings.encoder_views)
        return self._encoder

    def _set_threads(self) -> None:
        if self._settings.torch_threads:
            import torch

            torch.set_num_threads(self._settings.torch_threads)


@dataclass(frozen=True)
class Adapters:
    catalogue: Catalogue
    originals: Originals
    store: VectorStore
    encoder: LazyEncoder

    def close(self) -> None:
        self.store.close()
        self.catalogue.close()


def open_adapters(settings: Settings, load: Callable[[str], Encoder] = load_encoder) -> Adapters:
    """What is not set lives in the data folder. Raises `ConfigurationError` or `Unavailable`."""
    with ExitStack() as opened:
        catalogue = Catalogue(settings.database_url or _sqlite_in(settings.data))
        opened.callback(catalogue.close)
        originals = Originals(settings.storage_url or str(settings.data.absolute()))
        store = _open_store(settings, catalogue)
        opened.pop_all()
    return Adapters(catalogue, originals, store, LazyEncoder(settings, load))


def _sqlite_in(folder: Path) -> URL:
    folder.mkdir(parents=True, exist_ok=True)
    return URL.create("sqlite", database=str(folder.absolute() / "catalogue.db"))


def _open_store(settings: Settings, catalogue: Catalogue) -> VectorStore:
    if settings.qdrant_url:
        from backend.store.server import ServerStore

        return ServerStore.connect(settings, catalogue.installation())
    from backend.store.edge import EdgeStore

    return EdgeStore(settings.data / "vectors", settings.ranges())
