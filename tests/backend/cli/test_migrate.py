from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from backend.catalogue.catalogue import Catalogue
from tests.backend.cli.conftest import Cli


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWINSPACE_DATA", str(tmp_path / "not there yet"))
    monkeypatch.delenv("TWINSPACE_DATABASE_URL", raising=False)
    return tmp_path / "not there yet"


def test_it_brings_the_schema_up_to_date_once(cli: Cli, data: Path) -> None:
    assert "from nothing to" in cli("migrate").out
    assert "up to date" in cli("migrate").out


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody@127.0.0.1:1/nothing", "does not answer"),
        ("not a url", "TWINSPACE_DATABASE_URL"),
        ("nosuch://host/name", "TWINSPACE_DATABASE_URL"),
        ("sqlite:////nonexistent/folder/catalogue.db", "does not answer"),
    ],
)
def test_a_database_that_cannot_be_used_takes_one_line(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("TWINSPACE_DATABASE_URL", url)
    assert_one_line(cli, said)


def test_a_schema_of_a_newer_version_takes_one_line(cli: Cli, data: Path) -> None:
    data.mkdir()
    url = f"sqlite:///{data / 'catalogue.db'}"
    Catalogue(url).close()
    with create_engine(url).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert_one_line(cli, "newer version of Twinspace")


def assert_one_line(cli: Cli, said: str) -> None:
    result = cli("migrate")
    assert result.code == 1
    errors = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in result.err
