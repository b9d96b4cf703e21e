"""Clears away files that no item refers to: what uploads left behind that died before their commit.

Only where nobody else's can be among them. A catalogue that is lost, to be restored one day, or one that
shares the storage refers to originals that this one does not know. So each catalogue signs the storage that
it keeps originals in, and where another one has signed, all of them stay.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import cycle

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.database import utc_now
from backend.originals import SHARDS, Originals

LOG = logging.getLogger("twinspace.janitor")

# Longer than any upload takes between storing its bytes and committing its item.
ORPHAN_AGE = timedelta(hours=1)
# As long as the very first upload may take for that.
FIRST_UPLOAD = timedelta(minutes=5)
UNKNOWN = "unknown"
"""Signs for a catalogue of before signatures, which is gone."""


class Sweeper:
    """One in a process. Every method may raise `Unavailable`."""

    def __init__(self, catalogue: Catalogue, originals: Originals) -> None:
        self._catalogue = catalogue
        self._originals = originals
        self._shards = cycle(range(SHARDS))
        self._told = False

    def run(self) -> None:
        """Looks into one of the folders: all of them in four hours, at one a minute."""
        if self._is_alone():
            self.sweep(next(self._shards))

    def sweep(self, shard: int) -> None:
        oldest = utc_now() - ORPHAN_AGE
        old = [file for file in self._originals.stored(shard) if file.modified < oldest]
        keys = self._catalogue.upkeep.originals([file.item_id for file in old])
        for file in old:
            in_use = keys.get(file.item_id)
            if in_use is None or (file.is_original and file.key != in_use):
                LOG.info("Removing %s, which no item refers to", file.key)
                self._originals.delete_original(file.key)

    def _is_alone(self) -> bool:
        installation = self._catalogue.installation()
        keepers = self._originals.keepers()
        if installation not in keepers:
            keepers |= self._sign(installation, keepers)
        others = keepers - {installation}
        if others and not self._told:
            LOG.warning("Other catalogues keep originals in this storage, too: none is cleared away")
        self._told = bool(others)
        return not others

    def _sign(self, installation: str, keepers: set[str]) -> set[str]:
        signatures = {installation}
        if not keepers and self._catalogue.upkeep.is_empty() and self._holds_originals():
            signatures.add(UNKNOWN)
        for signature in sorted(
            signatures, reverse=True
        ):  # The unknown one first: both, or to be done again.
            self._originals.sign(signature)
        return signatures

    def _holds_originals(self) -> bool:
        oldest = utc_now() - FIRST_UPLOAD
        return any(
            file.is_original and file.modified < oldest
            for shard in range(SHARDS)
            for file in self._originals.stored(shard)
        )
