"""One way to talk to SQLite and to PostgreSQL: transactions, and failures in domain terms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from alembic.util.exc import CommandError
from pydantic_core import from_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import ExceptionContext

from backend.catalogue.migrations import upgrade
from backend.errors import ConfigurationError, InvalidRequest, StorageFull, TwinspaceError, Unavailable

Result = TypeVar("Result")

BUSY_SECONDS = 30
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60
# Nobody ends a statement for a machine that cannot be reached any more: the connection itself must notice.
LIFE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
TRIES = 5
# SQLSTATE: serialization failure, deadlock; disk full.
AGAIN = ("40001", "40P01")
DISK_FULL = "53100"
# A standby or a server set to read-only, as in a failover; a transaction that the server gave up. Other
# connections of the pool are as old: all are made anew.
STALE = ("25006", "25P02", "25P03")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Database:
    """`now` exists so that tests can let leases run out without waiting."""

    def __init__(self, url: str | URL, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        with opening_errors():
            self.engine = _engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer; waiting here is fair and prompt, its own busy handler polls.
        self._writing = threading.Lock() if self.is_sqlite else nullcontext()
        try:
            with opening_errors():
                self.write(upgrade)
        except BaseException:
            self.engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view in SQLite; in PostgreSQL each statement sees what is committed."""
        with _domain_errors(), self.engine.connect() as connection:
            yield connection

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Runs `work` in one transaction; again when PostgreSQL chose it to resolve a deadlock."""
        with _domain_errors(), self._writing:
            for _ in range(TRIES - 1):
                try:
                    return self._transaction(work)
                except exc.DBAPIError as error:
                    if _sqlstate(error) not in AGAIN:
                        raise
            return self._transaction(work)

    def _transaction(self, work: Callable[[Connection], Result]) -> Result:
        with (
            self.engine.connect().execution_options(begin="BEGIN IMMEDIATE") as connection,
            connection.begin(),
        ):
            return work(connection)

    def close(self) -> None:
        self.engine.dispose()


def _engine(url: str | URL) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    options = f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c idle_in_transaction_session_timeout=60000"
    engine = create_engine(
        parsed,
        json_deserializer=from_json,
        # A restarted server must not cost anybody an error.
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        pool_timeout=CONNECT_SECONDS,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": options, **LIFE},
    )

    @event.listens_for(engine, "handle_error")
    def invalidate(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) in STALE:
            context.is_disconnect = True

    return engine


def _sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        json_deserializer=from_json,  # Ten times as fast as Python's: a search reads eighty such values.
        pool_size=16,
        max_overflow=-1,
        connect_args={"timeout": BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        # The driver would begin transactions late and only for some statements; `begin` below does it.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its lock at once: one that begins as a reader can fail when it turns writer.
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine


def _sqlstate(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


@contextmanager
def _domain_errors() -> Iterator[None]:
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:
        raise _translated(error) from error
    except UnicodeEncodeError as error:
        raise InvalidRequest("Text holds a lone surrogate, which no database stores.") from error


@contextmanager
def opening_errors() -> Iterator[None]:
    """What may be wrong with a database's URL, driver or schema, or with itself, in domain terms."""
    try:
        with _domain_errors():
            yield
    except (exc.ArgumentError, ImportError) as error:
        raise ConfigurationError(f"TWINSPACE_DATABASE_URL cannot be used: {error}") from error
    except CommandError as error:
        raise ConfigurationError(
            f"The catalogue's schema was made by a newer version of Twinspace ({error}). Run that version or "
            "a newer one, or restore the backup from before the upgrade."
        ) from error


def _translated(error: exc.DBAPIError | exc.TimeoutError) -> Exception:
    if isinstance(error, exc.DBAPIError):
        if _sqlstate(error) == DISK_FULL or getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL":
            return StorageFull("The disk of the catalogue is full.")
        if isinstance(error, exc.DataError):
            return InvalidRequest("A value is not one that the database stores.")
        if (
            not isinstance(error, (exc.OperationalError, exc.InterfaceError))
            and not error.connection_invalidated
        ):
            return error
    return _unavailable(error)


def _unavailable(error: Exception) -> TwinspaceError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return Unavailable(f"The catalogue's database does not answer: {reason}")
