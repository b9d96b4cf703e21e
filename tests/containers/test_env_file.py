"""`make up` writes secrets that nobody can guess, once, and refuses what somebody could."""

from __future__ import annotations

import importlib.util
import shutil
import stat
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def env_file() -> ModuleType:
    spec = importlib.util.spec_from_file_location("env_file", ROOT / "deploy/env_file.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def values(env_file: ModuleType, project: Path) -> dict[str, str]:
    return env_file.assignments((project / ".env").read_text())


def test_the_first_time_writes_different_random_secrets(env_file: ModuleType, project: Path) -> None:
    assert env_file.prepare(project) == []
    secrets = values(env_file, project)
    assert set(secrets) == set(env_file.secret_names((project / ".env.example").read_text()))
    assert len(set(secrets.values())) == len(secrets) >= 6
    assert all(len(secret) >= 32 for secret in secrets.values())


def test_nobody_else_may_read_it(env_file: ModuleType, project: Path) -> None:
    env_file.prepare(project)
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600


def test_what_is_there_stays(env_file: ModuleType, project: Path) -> None:
    env_file.prepare(project)
    before = (project / ".env").read_text()
    assert env_file.prepare(project) == []
    assert (project / ".env").read_text() == before


def test_the_example_itself_is_refused(env_file: ModuleType, project: Path) -> None:
    shutil.copy(project / ".env.example", project / ".env")
    wrong = env_file.prepare(project)
    assert len(wrong) == len(env_file.secret_names((project / ".env.example").read_text()))
    assert all("empty" in line for line in wrong)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "short",
        "change-me-please-now",
        "CHANGEME0123456789",
        "your-password-here",
        "a" * 24,
        "with@sign/0123456789abc",
        "team:short",
    ],
)
def test_a_secret_that_is_weak_or_breaks_urls_is_refused(
    env_file: ModuleType, project: Path, value: str
) -> None:
    env_file.prepare(project)
    text = (project / ".env").read_text()
    secret = values(env_file, project)["REDIS_PASSWORD"]
    (project / ".env").write_text(text.replace(secret, value))
    assert [line.split()[0] for line in env_file.prepare(project)] == ["REDIS_PASSWORD"]


def test_a_weak_secret_in_the_environment_is_refused_too(env_file: ModuleType, project: Path) -> None:
    """Docker Compose would take it, and not what stands in the file."""
    assert env_file.prepare(project, {"HOME": "/root"}) == []
    (line,) = env_file.prepare(project, {"POSTGRES_PASSWORD": "postgres"})
    assert line.startswith("POSTGRES_PASSWORD")


@pytest.mark.parametrize(
    ("keys", "fine"),
    [
        ("anna:0123456789abcdef0,ben:abcdef0123456789", True),
        ("anna:x,ben:0123456789abcdef0", False),
        ("0123456789abcdef0,ben:change-me-please-now", False),
        ("0123456789abcdef0,", False),
    ],
)
def test_every_api_key_counts(env_file: ModuleType, project: Path, keys: str, fine: bool) -> None:
    env_file.prepare(project)
    text = (project / ".env").read_text()
    given = values(env_file, project)["TWINSPACE_API_KEYS"]
    (project / ".env").write_text(text.replace(given, keys))
    assert (env_file.prepare(project) == []) is fine


def test_make_up_asks_it_before_docker(tmp_path: Path) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "up"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.strip().splitlines()[-2:]
    assert "deploy/env_file.py" in first
    assert second.startswith("docker compose up -d")
