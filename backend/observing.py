"""A look at the catalogue's database from outside, by those who must not change its schema."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine, make_url

from backend.settings import Settings

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 10
_READ_ONLY = {"mode": "ro", "uri": "true"}


def catalogue_url(settings: Settings) -> URL:
    if settings.database_url:
        return make_url(settings.database_url)
    return URL.create("sqlite", database=str(settings.data.absolute() / "catalogue.db"))


def observe(url: URL) -> Engine:
    """Connects at the first use. SQLite is opened read-only; PostgreSQL ends what takes too long."""
    if url.get_backend_name() == "sqlite":
        return create_engine(URL.create("sqlite", database=f"file:{url.database}", query=_READ_ONLY))
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    options = f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c default_transaction_read_only=on"
    arguments = {"connect_timeout": CONNECT_SECONDS, "options": options}
    return create_engine(url, pool_size=1, pool_pre_ping=True, connect_args=arguments)
