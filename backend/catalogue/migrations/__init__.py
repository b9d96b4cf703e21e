"""Brings a catalogue's schema up to date, from any older version, inside the caller's transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

# Any number that nothing else in the database uses as an advisory lock.
LOCK = 7_146_001


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Several processes may start at once: on PostgreSQL they take turns, SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
