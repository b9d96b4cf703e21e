"""Uploaded bytes and their thumbnails, kept durably on any fsspec filesystem.

Each upload has a key of its own, even of the same picture: whoever clears away a deleted one can
never touch the bytes of the one that came after it.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec

from backend.errors import NotFound, StorageFull, TwinspaceError, Unavailable

FULL = (errno.ENOSPC, errno.EDQUOT)
TEMPORARY = ".part"
SHARDS = 256
KEEPERS = "installations"
_SIGNATURE = re.compile(r"[0-9a-f]{32}|unknown")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True)
class Stored:
    """A file that is there; `item_id` is the item it was stored for."""

    key: str
    item_id: str
    is_original: bool
    modified: datetime


class Originals:
    """Keys are `originals/<aa>/<id>-<nonce>.<ext>` and `thumbnails/<aa>/<id>.webp`, `<aa>` being the
    first two characters of the id, so that no folder grows large."""

    def __init__(self, url: str) -> None:
        """`url` is an fsspec URL or a local folder."""
        self._files, root = fsspec.core.url_to_fs(url)
        # Filesystems that remember listings, as that of S3, answer by them: what another process stored after
        # the janitor had looked into its folder would be missing to this one for ever.
        self._files.dircache.use_listings_cache = False
        self._root = root.rstrip("/")
        # A local file is made whole by renaming it, an object store does that by itself.
        self._folder = LocalFolder(Path(root)) if "file" in _protocols(self._files) else None

    def put(self, item_id: str, data: bytes, extension: str) -> str:
        """Stores durably (temporary name, fsync, rename where the filesystem is local) under a key
        of its own and returns that key; nothing half written is ever visible.
        Raises `StorageFull` or `Unavailable`."""
        suffix = extension.lower().lstrip(".")
        if not _EXTENSION.fullmatch(suffix):
            raise ValueError(f"not a file extension: {extension!r}")
        key = f"originals/{item_id[:2]}/{item_id}-{secrets.token_hex(8)}.{suffix}"
        self._write(key, data, durable=True)
        return key

    def get(self, key: str) -> bytes:
        """Raises `NotFound` or `Unavailable`."""
        with _domain_errors():
            return bytes(self._files.cat_file(self._path(key)))

    def exists(self, key: str) -> bool:
        """Raises `Unavailable`."""
        with _domain_errors():
            return bool(self._files.exists(self._path(key)))

    def put_thumbnail(self, item_id: str, data: bytes) -> None:
        """Not flushed to the disk: a lost thumbnail is made again. Raises like `put`."""
        self._write(_thumbnail(item_id), data, durable=False)

    def get_thumbnail(self, item_id: str) -> bytes:
        """Raises `NotFound` or `Unavailable`."""
        return self.get(_thumbnail(item_id))

    def delete(self, item_id: str, key: str | None) -> None:
        """Removes the original and its thumbnail; nothing happens for what is not there."""
        for each in (key, _thumbnail(item_id)):
            if each is not None:
                self.delete_original(each)

    def delete_original(self, key: str) -> None:
        """Removes these bytes alone: those of an upload that turned out to be a duplicate."""
        with _domain_errors(), suppress(FileNotFoundError):
            self._files.rm_file(self._path(key))

    def check(self) -> None:
        """Raises `Unavailable` unless a small object can be written and read back."""
        key = f"checks/{secrets.token_hex(8)}"
        self._write(key, b"twinspace", durable=False)
        try:
            if self.get(key) != b"twinspace":
                raise Unavailable("The storage does not return what was stored.")
        finally:
            self.delete_original(key)

    def sign(self, installation: str) -> None:
        """Says for good that a catalogue keeps originals here. Raises like `put`."""
        self._write(
            f"{KEEPERS}/{installation}",
            b"The Twinspace catalogue of this id keeps originals here.\n",
            durable=True,
        )

    def keepers(self) -> set[str]:
        """The installations whose catalogues keep originals here, as far as they have signed."""
        entries: list[str] = []
        with _domain_errors(), suppress(FileNotFoundError):
            entries = self._files.ls(self._path(KEEPERS), detail=False)
        names = {str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in entries}
        return {name for name in names if _SIGNATURE.fullmatch(name)}

    def stored(self, shard: int) -> Iterator[Stored]:
        """All files in one of the `SHARDS` folders, half-written ones too: a whole listing would be long."""
        folder = f"{shard:02x}"
        for area in ("originals", "thumbnails"):
            with _domain_errors(), suppress(FileNotFoundError):
                for entry in self._files.ls(self._path(f"{area}/{folder}"), detail=True):
                    name = entry["name"].rsplit("/", 1)[-1]
                    key = f"{area}/{folder}/{name}"
                    yield Stored(key, name[:36], area == "originals", _modified(entry))

    def _path(self, key: str) -> str:
        # Keys come from the catalogue, never from a request; this holds even if that changed.
        if ".." in key.split("/"):
            raise NotFound("There are no such bytes.")
        return f"{self._root}/{key}" if self._root else key

    def _write(self, key: str, data: bytes, *, durable: bool) -> None:
        try:
            with _domain_errors():
                if self._folder is None:
                    self._files.pipe_file(self._path(key), data)
                else:
                    self._folder.write(key, data, durable=durable)
        except NotFound as error:
            raise Unavailable("The folder of the storage has just been removed.") from error


def _thumbnail(item_id: str) -> str:
    return f"thumbnails/{item_id[:2]}/{item_id}.webp"


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _modified(entry: dict[str, Any]) -> datetime:
    """Filesystems name this differently; what cannot tell counts as new, so that it is kept."""
    for name in ("mtime", "LastModified", "last_modified", "created"):
        value = entry.get(name)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)


class LocalFolder:
    """Whole files or none, also when the power fails."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._ready: set[Path] = set()
        self._making = threading.Lock()

    def write(self, key: str, data: bytes, *, durable: bool) -> None:
        path = self._root / key
        with self._making:
            self._make(path.parent)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
            if durable:
                _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _make(self, folder: Path) -> None:
        """A folder is durable once its parent is flushed, which whoever made it may not have lived to do."""
        if folder in self._ready and folder.is_dir():
            return
        if folder.is_relative_to(self._root) or not folder.is_dir():
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)
        self._ready.add(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _domain_errors() -> Iterator[None]:
    """Filesystems of the network raise errors of their own making beside `OSError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound("There are no such bytes.") from error
    except TwinspaceError:
        raise
    except Exception as error:
        # Every filesystem of the network has exceptions of its own, and none of them is a bug of ours.
        if isinstance(error, OSError) and error.errno in FULL:
            raise StorageFull("The storage is full.") from error
        raise Unavailable(f"The storage does not answer: {error or type(error).__name__}") from error
