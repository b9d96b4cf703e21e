"""The doctor finds what is really wrong with real parts, and says what to do."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from sqlalchemy import create_engine

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import NewCaption
from backend.catalogue.migrations import upgrade
from backend.doctor import broker as broker_check
from backend.doctor import clock, database, disk, examine, model, qdrant, storage, variables
from backend.doctor.findings import Finding
from backend.errors import ConfigurationError
from backend.originals import Originals
from backend.settings import Settings
from backend.store.base import Point
from backend.store.server import ServerStore
from tests.support.databases import postgres, redis
from tests.support.encoders import ColourEncoder
from tests.support.ports import free_port
from tests.support.qdrant_stand_in import Fault, QdrantStandIn
from workers.app import make_app
from workers.scheduler import ALIVE, SILENT_SECONDS, QuietScheduler


def send_reminder(app: Celery) -> None:
    """As `twinspace beat` does at each of its turns."""
    scheduler = QuietScheduler(app, lazy=True)
    (entry,) = scheduler.merge_inplace(app.conf.beat_schedule) or scheduler.schedule.values()
    scheduler.apply_entry(entry)


def levels(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(finding.part, finding.level) for finding in findings]


def only_problem(findings: Iterator[Finding]) -> Finding:
    wrong = [finding for finding in findings if finding.level != "ok"]
    assert len(wrong) == 1, wrong
    assert wrong[0].remedy
    return wrong[0]


def distributed(**settings: str) -> Settings:
    given = {
        "qdrant_url": "http://127.0.0.1:1",
        "database_url": "postgresql://twinspace@127.0.0.1:1/twinspace",
        "storage_url": "memory://originals",
        "broker_url": "redis://127.0.0.1:1/0",
    }
    return Settings(**(given | settings))


# -- settings --------------------------------------------------------------------------------
def test_settings_that_contradict_each_other_end_the_examination() -> None:
    def refused() -> Settings:
        raise ConfigurationError("TWINSPACE_BROKER_URL needs more.")

    (finding,) = [each for each in examine(refused) if each.level == "problem"]
    assert finding.part == "settings"
    assert finding.what == "TWINSPACE_BROKER_URL needs more."


def test_a_misspelt_variable_is_named_with_what_was_meant() -> None:
    finding = only_problem(variables.check({"TWINSPACE_DATABSE_URL": "x", "TWINSPACE_DATA": "y"}))
    assert "TWINSPACE_DATABSE_URL" in finding.what
    assert "TWINSPACE_DATABASE_URL" in str(finding.remedy)


@pytest.mark.parametrize("value", ["short", f"{'long' * 8},short", "tenant:short"])
def test_a_guessable_key_is_a_warning_that_does_not_show_it(value: str) -> None:
    finding = only_problem(variables.check({"TWINSPACE_API_KEYS": value}))
    assert finding.level == "warning"
    assert "short" not in finding.what.replace("short enough", "")


# -- storage and disk ------------------------------------------------------------------------
def test_storage_that_can_be_used_is_left_as_it_was(tmp_path: Path) -> None:
    assert levels(storage.check(Settings(data=tmp_path))) == [("storage", "ok")]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    finding = only_problem(storage.check(Settings(data=tmp_path, storage_url=f"{tmp_path}/file")))
    assert finding.level == "problem"


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_that_is_not_there_is_said_and_not_made(tmp_path: Path, scheme: str) -> None:
    """It may be a volume that nobody mounted."""
    url = f"{scheme}{tmp_path}/missing"
    assert levels(storage.check(Settings(data=tmp_path, storage_url=url))) == [("storage", "warning")]
    assert not (tmp_path / "missing").exists()


def test_a_storage_that_another_catalogue_has_signed_is_a_warning_that_names_it(tmp_path: Path) -> None:
    settings, storage_ = Settings(data=tmp_path), Originals(str(tmp_path))
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    storage_.sign(catalogue.installation())
    assert levels(storage.check(settings)) == [("storage", "ok")]
    storage_.sign("0" * 32)
    finding = only_problem(storage.check(settings))
    assert finding.level == "warning"
    assert "0" * 32 in finding.what
    assert catalogue.installation() not in finding.what
    catalogue.close()


@pytest.mark.parametrize("setting", ["storage_url", "data"])
def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path: Path, setting: str) -> None:
    """As on the read-only root of a container whose volume nobody mounted."""
    (tmp_path / "file").write_text("no folder")
    settings = Settings.model_validate({"data": tmp_path, setting: str(tmp_path / "file" / "a" / "b")})
    finding = only_problem(storage.check(settings))
    assert finding.level == "problem"
    assert str(tmp_path / "file") in finding.what


def test_an_unknown_kind_of_storage_is_a_problem(tmp_path: Path) -> None:
    finding = only_problem(storage.check(Settings(data=tmp_path, storage_url="nowhere://bucket")))
    assert "TWINSPACE_STORAGE_URL" in str(finding.remedy)


def test_a_disk_that_is_nearly_full_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path)
    usage = type("usage", (), {"total": 100 * disk.GIBIBYTE, "free": 50 * disk.GIBIBYTE})
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)
    assert {level for _, level in levels(disk.check(settings))} == {"ok"}
    usage.free = 5 * disk.GIBIBYTE
    assert ("disk", "warning") in levels(disk.check(settings))
    usage.free = disk.GIBIBYTE // 4
    assert ("disk", "problem") in levels(disk.check(settings))


# -- database --------------------------------------------------------------------------------
def test_a_catalogue_that_is_not_there_yet_is_no_problem_and_is_not_made(tmp_path: Path) -> None:
    assert levels(database.check(Settings(data=tmp_path / "new"))) == [("database", "ok")]
    assert not (tmp_path / "new").exists()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    Catalogue(f"sqlite:///{tmp_path}/catalogue.db").close()
    return tmp_path


def test_a_schema_of_this_version_is_well(data: Path) -> None:
    assert levels(database.check(Settings(data=data))) == [("database", "ok"), ("database", "ok")]


def test_an_older_schema_is_told_to_migrate(data: Path) -> None:
    with sqlite3.connect(data / "catalogue.db") as connection:
        connection.execute("DELETE FROM alembic_version")
    finding = only_problem(database.check(Settings(data=data)))
    assert finding.level == "warning"
    assert "twinspace migrate" in str(finding.remedy)


def test_a_newer_schema_is_a_problem(data: Path) -> None:
    with sqlite3.connect(data / "catalogue.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer version" in only_problem(database.check(Settings(data=data))).what


def test_a_file_that_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_text("not a database, whatever its name says" * 100)
    assert only_problem(database.check(Settings(data=tmp_path))).level == "problem"


def test_a_database_that_refuses_connections_is_a_problem_without_its_password() -> None:
    settings = distributed(database_url="postgresql://twinspace:hidden@127.0.0.1:1/twinspace")
    finding = only_problem(database.check(settings))
    assert "does not answer" in finding.what
    assert "hidden" not in finding.what


def test_postgresql_is_looked_at_and_not_changed() -> None:
    with postgres() as url:
        settings = distributed(database_url=url)
        assert "missing" in only_problem(database.check(settings)).what
        assert "missing" in only_problem(database.check(settings)).what
        Catalogue(url).close()
        assert levels(database.check(settings)) == [("database", "ok"), ("database", "ok")]
        missing = only_problem(database.check(distributed(database_url=url.rpartition("/")[0] + "/other")))
        assert "Create the database" in str(missing.remedy)


# -- broker ----------------------------------------------------------------------------------
def test_a_broker_without_workers_or_beat_is_two_warnings_until_they_are_there() -> None:
    with redis() as url:
        settings = distributed(broker_url=url)
        findings = list(broker_check.check(settings))
        assert ("clock", "ok") in levels(iter(findings))
        wrong = [finding for finding in findings if finding.level != "ok"]
        assert ["No beat" in wrong[0].what, "No worker" in wrong[1].what, len(wrong)] == [True, True, 2]
        send_reminder(make_app(settings))
        assert "No worker" in only_problem(broker_check.check(settings)).what


def test_a_beat_that_has_stopped_is_missed_after_a_while() -> None:
    with redis() as url:
        settings = distributed(broker_url=url)
        send_reminder(make_app(settings))
        from redis import Redis

        assert 0 < Redis.from_url(url).ttl(ALIVE) <= SILENT_SECONDS
        Redis.from_url(url).delete(ALIVE)  # As its time limit does.
        assert any("No beat" in finding.what for finding in broker_check.check(settings))


def test_a_broker_that_may_drop_messages_is_a_warning() -> None:
    with redis() as url:
        from redis import Redis

        Redis.from_url(url).config_set("maxmemory", "50mb")
        Redis.from_url(url).config_set("maxmemory-policy", "allkeys-lru")
        whats = [each.what for each in broker_check.check(distributed(broker_url=url))]
    assert any("allkeys-lru" in what for what in whats)


def test_a_wrong_password_of_the_broker_is_called_that() -> None:
    with redis() as url:
        from redis import Redis

        Redis.from_url(url).config_set("requirepass", "right")
        for wrong in (url, url.replace("//", "//:wrong@")):
            finding = only_problem(broker_check.check(distributed(broker_url=wrong)))
            assert "password" in str(finding.remedy)
            assert "wrong@" not in finding.what


def test_a_broker_that_is_away_is_a_problem() -> None:
    assert "does not answer" in only_problem(broker_check.check(distributed())).what


# -- vectors ---------------------------------------------------------------------------------
def test_qdrant_that_is_away_is_a_problem() -> None:
    assert "does not answer" in only_problem(qdrant.check(distributed())).what


@pytest.mark.parametrize("fault", [Fault("garbage"), Fault("error", status=502)])
def test_something_else_in_the_place_of_qdrant_is_found(fault: Fault) -> None:
    with QdrantStandIn() as stand_in:
        stand_in.fault = fault
        findings = [each for each in qdrant.check(distributed(qdrant_url=stand_in.url)) if each.level != "ok"]
    assert "is no Qdrant" in findings[0].what


def test_a_wrong_key_of_qdrant_is_called_that() -> None:
    with QdrantStandIn(api_key="right") as stand_in:
        settings = distributed(qdrant_url=stand_in.url, qdrant_api_key="wrong")
        remedies = [str(each.remedy) for each in qdrant.check(settings)]
    assert any("TWINSPACE_QDRANT_API_KEY" in remedy for remedy in remedies)


@pytest.mark.parametrize(
    ("server", "level"),
    [
        ("1.20.3", "ok"),
        ("1.19.0", "ok"),
        ("1.40.0-dev", "warning"),
        ("2.0.0", "warning"),
        ("1.18.3", "problem"),
        ("1.9.7", "problem"),
    ],
)
def test_versions_that_are_far_apart_are_a_warning_and_those_that_cannot_work_a_problem(
    server: str, level: str
) -> None:
    import httpx

    greeting = httpx.Response(200, json={"title": "qdrant", "version": server})
    assert qdrant._version("http://qdrant:6333", greeting).level == level


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("http://qdrant:6333", None, "asks for no key"),
        ("http://qdrant:6333", "k", None),
        ("http://vectors.example.org:6333", "k", "plain text"),
        ("http://10.0.0.7:6333", "k", "plain text"),
    ],
)
def test_a_key_is_to_be_there_and_to_stay_secret(url: str, key: str | None, says: str | None) -> None:
    whats = [finding.what for finding in qdrant._exposure(url, key)]
    assert len(whats) == (says is not None)
    assert all(str(says) in what for what in whats)


# -- space -----------------------------------------------------------------------------------
def test_points_and_spaces_are_held_against_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = ColourEncoder()
    monkeypatch.setattr(model, "load_encoder", lambda _: encoder)
    url, space = f"sqlite:///{tmp_path / 'catalogue.db'}", encoder.space.name
    with QdrantStandIn() as stand_in:
        settings = distributed(qdrant_url=stand_in.url, database_url=url)
        catalogue = Catalogue(url)
        catalogue.target.choose(space)
        catalogue.add_captions("default", [NewCaption("red")])
        claims = catalogue.claims.claim(space, "worker", 1, 60)
        catalogue.claims.indexed(space, datetime.now(UTC), claims)
        assert "0 points for 1 indexed items" in only_problem(model.check(settings)).what
        store = ServerStore.connect(settings)
        store.ensure_space(encoder.space)
        store.upsert(space, "caption", [Point(claims[0].item.id, encoder.encode_texts(["red"])[0], {})])
        store.close()
        assert levels(model.check(settings)) == [("model", "ok"), ("space", "ok")]
        catalogue.target.choose("another")
        assert "Workers encode into another" in only_problem(model.check(settings)).what
        catalogue.close()


def test_the_embedded_profile_says_how_much_waits_for_another_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "load_encoder", lambda _: ColourEncoder())
    settings = Settings(data=tmp_path)
    assert levels(model.check(settings)) == [("model", "ok"), ("space", "ok")], "before the first start"
    catalogue = Catalogue(f"sqlite:///{tmp_path / 'catalogue.db'}")
    catalogue.add_captions("default", [NewCaption("red"), NewCaption("blue")])
    catalogue.claims.indexed("another", datetime.now(UTC), catalogue.claims.claim("another", "worker", 2, 60))
    finding = only_problem(model.check(settings))
    assert "2 items wait" in finding.what
    assert "server" in str(finding.remedy)
    catalogue.close()


def test_a_catalogue_of_the_first_version_is_not_asked_what_it_does_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "load_encoder", lambda _: ColourEncoder())
    engine = create_engine(f"sqlite:///{tmp_path / 'catalogue.db'}")
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()
    assert levels(model.check(Settings(data=tmp_path))) == [("model", "ok"), ("space", "ok")]


def test_a_space_that_another_installation_fills_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "load_encoder", lambda _: ColourEncoder())
    with QdrantStandIn() as stand_in:
        url = f"sqlite:///{tmp_path / 'catalogue.db'}"
        settings = distributed(qdrant_url=stand_in.url, database_url=url)
        Catalogue(url).close()
        theirs = ServerStore.connect(settings, "another")
        theirs.ensure_space(ColourEncoder().space)
        theirs.close()
        assert "another installation" in only_problem(model.check(settings)).what


# -- clock -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seconds", "level"), [(0, "ok"), (-1, "ok"), (10, "warning"), (-10, "warning"), (3600, "problem")]
)
def test_clocks_are_compared_both_ways(seconds: int, level: str) -> None:
    now = datetime.now(UTC)
    assert clock.compare("Redis", now + timedelta(seconds=seconds), now).level == level


def test_a_slow_answer_is_no_wrong_clock() -> None:
    asked = datetime.now(UTC) - timedelta(seconds=20)
    assert clock.compare("Redis", asked + timedelta(seconds=10), asked).level == "ok"


# -- the command -----------------------------------------------------------------------------
def run(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TWINSPACE_")}
    command = [sys.executable, "-m", "backend.cli", "doctor", *arguments]
    environment |= {"PYTHONPATH": str(Path(__file__).parent.parent.parent.parent)} | variables
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)


def test_the_command_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, TWINSPACE_ENCODER="no-such-model", TWINSPACE_DATA=str(tmp_path / "data"))
    assert done.returncode == 1, done.stderr
    assert "PROBLEM  model" in done.stdout
    assert "-> " in done.stdout
    assert done.stderr == ""


def test_the_command_speaks_json(tmp_path: Path) -> None:
    port = free_port()
    done = run(
        tmp_path,
        "--json",
        TWINSPACE_ENCODER="no-such-model",
        TWINSPACE_QDRANT_URL=f"http://127.0.0.1:{port}",
        TWINSPACE_DATA=str(tmp_path),
    )
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    assert findings["vectors"]["level"] == "problem"
    assert findings["broker"]["level"] == "ok"
    assert done.returncode == 1
