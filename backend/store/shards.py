"""The folder of Edge shards: a directory a collection, opened at first use, made and dropped in one step.

Edge has no collections, only directories that one process may open; what follows from that is here. One that
is damaged makes way: what it held is made again from the catalogue and the originals.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import qdrant_edge as edge

from backend.errors import Unavailable
from backend.store.base import VECTOR_NAME, MissingLexical, MissingSpace, is_missing_lexical
from backend.store.edge_room import require_room_to_load

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished-"
"""Begins the names of directories that are being made or removed; none of them outlives a start."""
DAMAGED = ".damaged-"
"""Begins the names of directories that could not be read: the last one of each collection is kept."""
PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM, errno.EROFS} | {
    errno.ENOSPC,
    errno.EDQUOT,
}
"""What keeps an undamaged directory from being read."""
PROBES = 16
"""Points that are read when a shard is opened: some damage lets it open, and breaks queries."""

_OS_ERROR = re.compile(r"os error (\d+)|Os \{ code: (\d+)")


class _DamagedError(Exception):
    """What is in a directory is no shard, or not all of one."""


class Shards:
    """Opens, makes and drops shards. `open` of an open shard takes no lock; everything else does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"{UNFINISHED}*"):
            log.warning("removing %s, left behind by a process that was killed", leftover)
            shutil.rmtree(leftover)
        self.folder = folder
        self._open: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._closed = False

    def names(self) -> list[str]:
        return sorted(
            path.name for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")
        )

    def open(self, name: str) -> Any | None:
        """The shard, or None where there is none, which is also what is left of a damaged one."""
        shard = self._open.get(name)
        if shard is not None:
            return shard
        with self._lock:
            if self._closed:
                raise Unavailable("The vector store is closed.")
            if name not in self._open and (self.folder / name).is_dir():
                require_room_to_load(self.folder / name)
                try:
                    self._open[name] = _load(self.folder / name)
                except _DamagedError as error:
                    self._put_aside(name, error)
            return self._open.get(name)

    def _put_aside(self, name: str, why: _DamagedError) -> None:
        aside = self.folder / f"{DAMAGED}{name}"
        log.error(
            "%s cannot be read (%s). It is kept as %s and made again from the catalogue and the originals",
            self.folder / name,
            why,
            aside.name,
        )
        try:
            if aside.exists():
                shutil.rmtree(aside)
            (self.folder / name).rename(aside)
        except OSError as error:
            raise Unavailable(f"{self.folder / name} is damaged and cannot be moved: {error}") from error

    def make(self, name: str, config: Any, prepare: Callable[[Any], None]) -> Any:
        """The shard, made from `config` and `prepare`d where missing; killed on the way, there is none."""
        with self._lock:
            existing = self.open(name)
            if existing is not None:
                return existing
            unfinished = self.folder / f"{UNFINISHED}{name}"
            with engine_errors():
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                shard = edge.EdgeShard.create(str(unfinished), config)
                prepare(shard)
                shard.flush()
                shard.close()
            unfinished.rename(self.folder / name)
            _sync_folder(self.folder)
            return self.open(name)

    def drop(self, name: str) -> None:
        """Threads that still hold the shard find it closed, which `engine_errors` calls missing."""
        with self._lock:
            shard = self._open.pop(name, None)
            if shard is not None:
                shard.close()
            path = self.folder / name
            if path.is_dir():
                unfinished = self.folder / f"{UNFINISHED}{name}"
                path.rename(unfinished)
                shutil.rmtree(unfinished)

    def check(self) -> None:
        if self._closed:
            raise Unavailable("The vector store is closed.")
        if not self.folder.is_dir():
            raise Unavailable(f"The folder of vectors {self.folder} is gone.")
        for shard in list(self._open.values()):
            with engine_errors():
                shard.info()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            while self._open:
                self._open.popitem()[1].close()


@contextmanager
def engine_errors() -> Iterator[None]:
    """Edge raises bare `Exception`s and lets Rust panics through as `BaseException`s: into domain terms."""
    try:
        yield
    except (Unavailable, ValueError):
        raise
    except Exception as error:
        message = str(error)
        if "Shard is not initialized" in message:
            raise MissingSpace("The collection has just been dropped.") from error
        if is_missing_lexical(message):
            raise MissingLexical(message) from error
        if "Vector dimension error" in message:
            raise ValueError(message) from error
        log.exception("the vector engine failed")
        raise Unavailable(f"The vector engine failed: {message}") from error
    except BaseException as error:
        if not _is_panic(error):
            raise
        log.exception("the vector engine panicked")
        raise Unavailable(f"The vector engine failed: {error}") from error


def _load(path: Path) -> Any:
    """Raises `_DamagedError`, or `Unavailable` for what may pass."""
    try:
        shard = edge.EdgeShard.load(str(path))
        _require_points(shard)
    except BaseException as error:
        if not (isinstance(error, Exception) or _is_panic(error)):
            raise
        if "WouldBlock" in str(error):
            raise Unavailable(f"Another process has the folder of vectors {path} open.") from error
        found = _OS_ERROR.search(str(error))
        if found and int(found[1] or found[2]) in PASSING:
            raise Unavailable(f"The folder of vectors {path} cannot be read: {error}") from error
        raise _DamagedError(str(error)) from error
    return shard


def _require_points(shard: Any) -> None:
    """Raises what the engine raises, or `_DamagedError`; the shard is closed then."""
    try:
        some = edge.QueryRequest(
            limit=PROBES, query=edge.Sample.Random, with_vector=[VECTOR_NAME], with_payload=True
        )
        for point in shard.query(some):
            vector = (point.vector or {}).get(VECTOR_NAME)
            if vector is None or not np.isfinite(vector).all():
                raise _DamagedError("a point lacks its vector")
    except BaseException:
        shard.close()
        raise


def _is_panic(error: BaseException) -> bool:
    # pyo3 makes this class at run time and exports it nowhere.
    return type(error).__name__ == "PanicException"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
