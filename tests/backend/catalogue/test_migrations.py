from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, inspect

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.database import Database
from backend.catalogue.migrations import upgrade
from backend.catalogue.schema import items, metadata
from backend.errors import Unavailable
from tests.support.items import SPACE, TENANT, claim, image

OLD = "6f0d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10"


def definitions(connection: Connection) -> dict[str, str]:
    """The indexes as the database itself words them, conditions included."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        query = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    rows = connection.exec_driver_sql(query).all()
    return {name: sql for name, sql in rows if not name.startswith("alembic")}


def test_migrations_make_the_schema_that_the_code_speaks_to(database_url: str) -> None:
    database = Database(database_url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrated = definitions(connection)
        columns = {column["name"] for column in inspect(connection).get_columns("items")}
    assert columns == set(items.c.keys())
    with database.engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert definitions(connection) == migrated
    database.close()


def test_items_of_the_first_schema_come_along(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO items (id, tenant, kind, status, generation, created_at, tags, metadata, text, "
            "payload_version, payload_stale, attempts, attempts_alone, postponed) "
            f"VALUES ('{OLD}', '{TENANT}', 'caption', 'pending', 1, '2026-01-02 03:04:05', '[]', '{{}}', "
            "'red', 0, false, 0, 0, 0)"
        )
    engine.dispose()
    catalogue = Catalogue(database_url)
    assert [each.item.text for each in claim(catalogue)] == ["red"]
    assert catalogue.get(TENANT, [OLD])[OLD].tags == ()
    catalogue.close()


def test_opening_again_changes_nothing(database_url: str) -> None:
    first = Catalogue(database_url)
    item = first.add_images(TENANT, [image("cat")])[0].item
    first.close()
    second = Catalogue(database_url)
    assert second.get(TENANT, [item.id]) == {item.id: item}
    second.close()


def test_many_may_open_a_new_database_at_once(database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        for catalogue in list(threads.map(lambda _: Catalogue(database_url), range(4))):
            catalogue.check()
            catalogue.close()


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:////nonexistent/folder/catalogue.db"]
)
def test_a_database_that_does_not_answer_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable):
        Catalogue(url)


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[tuple[Catalogue, list[str]]]:
    """A catalogue that notes how SQLite means to run each SELECT on the items. (PostgreSQL rather scans
    tables that are as small as a test's.)"""
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    catalogue = Catalogue(url)
    steps: list[str] = []
    second = create_engine(url)

    @event.listens_for(catalogue._database.engine, "before_cursor_execute")
    def explain(connection, cursor, statement, parameters, *_):
        if statement.startswith("SELECT") and "items" in statement:
            with second.connect() as other:
                plan = other.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                steps.extend(row[3] for row in plan)

    yield catalogue, steps
    second.dispose()
    catalogue.close()


def test_no_question_that_is_asked_all_the_time_scans_the_table(plans: tuple[Catalogue, list[str]]) -> None:
    catalogue, steps = plans
    claim(catalogue)
    catalogue.claims.backlog(SPACE, 100)
    catalogue.upkeep.tombstones(10)
    catalogue.upkeep.stale(10)
    for kind in ("image", "caption"):
        catalogue.upkeep.expected(SPACE, kind)
        catalogue.upkeep.ids_in_space(SPACE, kind, "", None, 10)
    catalogue.upkeep.all_in(SPACE)
    catalogue.counts(TENANT, SPACE)
    assert len(steps) > 15
    # A queue's index holds what waits and no more, so that all of it may be read.
    assert not [step for step in steps if step.startswith("SCAN items") and "INDEX queue_" not in step]
    assert not [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step], "a queue is read in its order"
