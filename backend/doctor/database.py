"""The catalogue's database: does it answer, does its schema fit this version, is its clock right?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, exc, inspect, select, text

import backend.catalogue.migrations as migrations
from backend.catalogue.schema import installation
from backend.doctor import clock
from backend.doctor.findings import Finding, ok, problem, warning
from backend.observing import catalogue_url, observe
from backend.settings import Settings


@dataclass(frozen=True)
class Schema:
    current: str | None
    """Revision of the database; None: it has no schema yet."""
    head: str | None
    """The newest that this version of Twinspace knows."""
    known: bool
    """Whether `current` is a revision that this version knows."""


def schema(url: URL) -> Schema:
    """Looks, and changes nothing."""
    scripts = _scripts()
    head = scripts.get_current_head()
    if _missing_file(url):
        return Schema(None, head, known=True)
    engine = observe(url)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    revisions = {script.revision for script in scripts.walk_revisions()}
    return Schema(current, head, known=current is None or current in revisions)


def installation_of(settings: Settings) -> str | None:
    """Of the catalogue; None where the schema is missing, or of before there was one: nothing is anybody's
    then."""
    url = catalogue_url(settings)
    if _missing_file(url):
        return None
    engine = observe(url)
    try:
        with engine.connect() as connection:
            there = inspect(connection).has_table(installation.name)
            return connection.scalar(select(installation.c.id)) if there else None
    finally:
        engine.dispose()


def check(settings: Settings) -> Iterator[Finding]:
    url = catalogue_url(settings)
    where = url.render_as_string(hide_password=True)
    if _missing_file(url):
        yield ok("database", f"{where} is not there yet; the first start makes it.")
        return
    try:
        yield _answers(url, where)
        yield _schema(schema(url))
    except exc.ArgumentError as error:
        yield problem("database", f"{where}: {error}", "Correct TWINSPACE_DATABASE_URL.")
    except ImportError as error:
        yield problem("database", str(error), "Install the extra: `pip install 'twinspace[postgres]'`.")
    except exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        yield problem("database", f"{where} does not answer: {reason}", _remedy(reason, url))


def _answers(url: URL, where: str) -> Finding:
    engine = observe(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if engine.dialect.name != "postgresql":
                return ok("database", f"{where} answers.")
            asked = datetime.now(UTC)
            theirs = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            finding = clock.compare("PostgreSQL", theirs, asked)
    finally:
        engine.dispose()
    return finding if finding.level != "ok" else ok("database", f"{where} answers; its clock agrees.")


def _schema(found: Schema) -> Finding:
    if not found.known:
        return problem(
            "database",
            f"Its schema ({found.current}) was made by a newer version of Twinspace.",
            "Run that version or a newer one, or restore the backup from before the upgrade.",
        )
    if found.current != found.head:
        return warning(
            "database",
            f"Its schema is {found.current or 'missing'}, this version works with {found.head}.",
            "Run `twinspace migrate`; the next start does it as well.",
        )
    return ok("database", f"Its schema is up to date ({found.head}).")


def _remedy(reason: str, url: URL) -> str:
    if "password" in reason or "authentication" in reason:
        return "User or password in TWINSPACE_DATABASE_URL is not the one that the database was made with."
    if "does not exist" in reason:
        return "Create the database, or correct its name in TWINSPACE_DATABASE_URL."
    if url.get_backend_name() == "sqlite":
        return "The file must be readable and writable for this user, and be a database of Twinspace."
    return "Is it running, and can this machine reach host and port of TWINSPACE_DATABASE_URL?"


def _missing_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)
