"""Whose a collection is on a Qdrant that others use too: each carries the mark of the installation it is of.

Without it two installations that share a Qdrant would remove each other's points as nobody's, and collections
of other programs would go once their names look like ours.
"""

from __future__ import annotations

from qdrant_client import QdrantClient, models

from backend.errors import Unavailable
from backend.store.base import MissingSpace
from backend.store.client_errors import client_errors

MARK = "twinspace_installation"


class ForeignSpace(Unavailable):
    """Nothing is read from it or written to it until somebody has set apart what is whose."""


class Ownership:
    """`installation` None is for those who look at what is there and leave it as it is: all is theirs."""

    def __init__(self, client: QdrantClient, installation: str | None) -> None:
        self._client = client
        self._installation = installation
        self._ours: set[str] = set()

    @property
    def mark(self) -> dict[str, str] | None:
        """Metadata for a new collection."""
        return {MARK: self._installation} if self._installation else None

    def claim(self, name: str, info: models.CollectionInfo) -> None:
        """A collection of an older version, without a mark, becomes ours. Raises `ForeignSpace`."""
        if self._installation and self._owner(info) is None:
            self._client.update_collection(name, metadata=self.mark)
            info = self._client.get_collection(name)  # Another one may have been faster.
        self._check(name, info)

    def require(self, name: str) -> None:
        """Raises `ForeignSpace` where it belongs to another installation."""
        if self._installation and name not in self._ours:
            try:
                with client_errors():
                    self._check(name, self._client.get_collection(name))
            except MissingSpace:
                return  # The call that follows says what that means for it.

    def is_ours(self, name: str) -> bool:
        if self._installation and name not in self._ours:
            try:
                with client_errors():
                    return self._owner(self._client.get_collection(name)) == self._installation
            except MissingSpace:
                return False  # Dropped since it was listed.
        return True

    def forget(self, name: str) -> None:
        """It is dropped: whoever makes it anew may be somebody else."""
        self._ours.discard(name)

    def _check(self, name: str, info: models.CollectionInfo) -> None:
        owner = self._owner(info)
        if self._installation and owner not in (None, self._installation):
            raise ForeignSpace(
                f"Qdrant's collection {name} belongs to another installation of Twinspace, with another "
                "catalogue. Set TWINSPACE_QDRANT_PREFIX to have collections of your own; if that "
                "installation is gone, delete the collection."
            )
        if owner == self._installation:
            self._ours.add(name)

    @staticmethod
    def _owner(info: models.CollectionInfo) -> str | None:
        return (info.config.metadata or {}).get(MARK)
