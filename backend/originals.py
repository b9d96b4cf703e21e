"""Uploaded bytes and their thumbnails, kept durably on any fsspec filesystem.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations


class Originals:
    def __init__(self, url: str) -> None:
        """`url` is an fsspec URL or a local folder."""

    def put(self, item_id: str, data: bytes, extension: str) -> str:
        """Stores durably (temporary name, fsync, rename where the filesystem is local) under a key
        of its own and returns that key; nothing half written is ever visible.
        Raises `StorageFull` or `Unavailable`."""
        raise NotImplementedError

    def get(self, key: str) -> bytes:
        """Raises `NotFound` or `Unavailable`."""
        raise NotImplementedError

    def put_thumbnail(self, item_id: str, data: bytes) -> None: ...

    def get_thumbnail(self, item_id: str) -> bytes:
        """Raises `NotFound` or `Unavailable`."""
        raise NotImplementedError

    def delete(self, item_id: str, key: str | None) -> None:
        """Removes the original and its thumbnail; nothing happens for what is not there."""

    def check(self) -> None:
        """Raises `Unavailable` unless a small object can be written and read back."""
