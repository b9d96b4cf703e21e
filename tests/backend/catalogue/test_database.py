from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.database import Database
from backend.errors import ConfigurationError, Unavailable
from tests.support.items import TENANT, image


def test_a_server_that_takes_no_writes_is_unavailable_until_it_does(postgres_url: str) -> None:
    """As a standby, or the primary of before in a failover."""
    catalogue = Catalogue(postgres_url)
    catalogue.add_images(TENANT, [image("cat")])
    read_only(postgres_url, "on")
    try:
        with pytest.raises(Unavailable, match="read-only"):
            catalogue.add_images(TENANT, [image("dog")])
        catalogue.check()
    finally:
        read_only(postgres_url, "off")
    catalogue.add_images(TENANT, [image("dog")])
    catalogue.close()


def test_connections_to_a_server_that_takes_no_writes_are_not_used_again(postgres_url: str) -> None:
    """Behind the same name there may be another server by now."""
    database = Database(postgres_url)
    with database.read() as connection:
        before = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    read_only(postgres_url, "on")
    try:
        with pytest.raises(Unavailable):
            database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE t (n int)"))
    finally:
        read_only(postgres_url, "off")
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() != before
    database.close()


def read_only(url: str, how: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER SYSTEM SET default_transaction_read_only = {how}")
        connection.exec_driver_sql("SELECT pg_reload_conf(), pg_sleep(0.2)")
    engine.dispose()


@pytest.mark.parametrize("url", ["no url", "nosuch://x/y", "mysql://x/y"])
def test_a_url_that_no_database_can_have_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TWINSPACE_DATABASE_URL"):
        Catalogue(url)


def test_a_schema_of_a_newer_version_is_said(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    Catalogue(url).close()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer version of Twinspace"):
        Catalogue(url)
