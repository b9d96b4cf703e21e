"""What the catalogue knows of the hits of one search: each is looked up once, for order and answer alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item


class HasId(Protocol):
    @property
    def id(self) -> str: ...


Hit = TypeVar("Hit", bound=HasId)


class KnownItems:
    def __init__(self, catalogue: Catalogue, tenant: str) -> None:
        self._catalogue = catalogue
        self._tenant = tenant
        self._items: dict[str, Item] = {}
        self.gone: set[str] = set()
        """Ids that the store still knows and the catalogue does not."""

    def __getitem__(self, id: str) -> Item:
        return self._items[id]

    def alive(self, hits: Sequence[Hit]) -> list[Hit]:
        """Those that the catalogue knows. Raises `Unavailable`."""
        if unknown := self.unknown(hit.id for hit in hits):
            self.look_up(unknown)
        return [hit for hit in hits if hit.id in self._items]

    def captioned(self, pictures: Sequence[str]) -> set[str]:
        """Those that have captions. Raises `Unavailable`."""
        return self._catalogue.captions.captioned(pictures)

    def unknown(self, ids: Iterable[str]) -> list[str]:
        """Those that were not looked up yet."""
        return [id for id in ids if id not in self._items and id not in self.gone]

    def look_up(self, ids: Sequence[str]) -> bool:
        """Whether any of them has gone. Raises `Unavailable`."""
        found = self._catalogue.get(self._tenant, ids)
        self._items |= found
        vanished = set(ids) - found.keys()
        self.gone |= vanished
        return bool(vanished)
