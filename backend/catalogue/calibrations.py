"""Calibrations that were fitted to a user's own pairs, kept where every replica finds them."""

from __future__ import annotations

import logging

from sqlalchemy import Connection, delete, insert, select

from backend.catalogue.database import Database
from backend.catalogue.schema import calibrations
from encoders.calibration import Calibration, CalibrationError

log = logging.getLogger(__name__)


class Calibrations:
    """One a space. Every method may raise `Unavailable`, writes also `StorageFull`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, calibration: Calibration) -> None:
        """Takes the place of what was there for this space."""
        space, now = calibration.fingerprint, self._database.now()
        data = calibration.to_bytes()

        def work(connection: Connection) -> None:
            connection.execute(delete(calibrations).where(calibrations.c.fingerprint == space))
            connection.execute(insert(calibrations).values(fingerprint=space, made_at=now, data=data))

        self._database.write(work)

    def version(self, space: str) -> str | None:
        """Changes with every `put`; None where nothing was put. `space` is a fingerprint."""
        made_at = select(calibrations.c.made_at).where(calibrations.c.fingerprint == space)
        with self._database.read() as connection:
            found = connection.scalar(made_at)
        return found.isoformat() if found else None

    def get(self, space: str) -> Calibration | None:
        """None also where a later version of this program wrote what this one cannot read."""
        data = select(calibrations.c.data).where(calibrations.c.fingerprint == space)
        with self._database.read() as connection:
            found = connection.scalar(data)
        try:
            return Calibration.from_bytes(found) if found else None
        except CalibrationError as error:
            log.warning("The calibration in the catalogue is passed over: %s", error)
            return None
