"""The truth about items: a small set of transactions over SQLite or PostgreSQL.

SKELETON: signatures that other parts are written against; bodies follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.catalogue.items import Added, Counts, Item, Listing, NewCaption, NewImage


class Catalogue:
    def __init__(self, url: str) -> None:
        """Opens the database and brings its schema up to date (Alembic). Raises `Unavailable`."""

    # -- uploads ---------------------------------------------------------------------------
    def add_images(self, tenant: str, new: Sequence[NewImage]) -> list[Added]:
        """One transaction. A duplicate gains the new tags and merges metadata; a deleted one
        comes back as pending with a raised generation and the new `original`."""
        raise NotImplementedError

    def add_captions(self, tenant: str, new: Sequence[NewCaption]) -> list[Added]:
        """One transaction. Raises `NotFound` (code `not_found`) when an `image_id` is not there."""
        raise NotImplementedError

    # -- reading ---------------------------------------------------------------------------
    def get(self, tenant: str, ids: Sequence[str]) -> dict[str, Item]:
        """The items that exist and are not deleted."""
        raise NotImplementedError

    def list(self, tenant: str, listing: Listing, limit: int, cursor: str | None) -> tuple[list[Item], str | None]:
        """Newest first. Raises `InvalidCursor`."""
        raise NotImplementedError

    def counts(self, tenant: str, space: str) -> Counts:
        raise NotImplementedError

    # -- changes ---------------------------------------------------------------------------
    def patch(self, tenant: str, id: str, tags: Sequence[str] | None, metadata: dict[str, Any] | None) -> Item:
        """Replaces what is not None. Raises `NotFound`. The point's payload is then stale: the
        item is marked so that the reconciler or the caller projects it anew."""
        raise NotImplementedError

    def delete(self, tenant: str, id: str) -> list[Item]:
        """Tombstones the item (an image with its captions) and raises the generation.
        Returns what was tombstoned; raises `NotFound`. `Janitor` finishes the deletion."""
        raise NotImplementedError

    def retry(self, tenant: str, id: str) -> Item:
        """`failed` becomes `pending` again; other states are left alone. Raises `NotFound`."""
        raise NotImplementedError

    def check(self) -> None:
        """Raises `Unavailable` unless the database answers now."""

    def close(self) -> None: ...
