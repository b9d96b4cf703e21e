"""The compose project holds together: every file and merge is valid, and what one part names another has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.settings import Settings

ROOT = Path(__file__).parent.parent.parent
BASE = "docker-compose.yml"
GPU, MONITORING = "deploy/compose.gpu.yml", "deploy/compose.monitoring.yml"
MERGES = [(BASE,), (BASE, GPU), (BASE, MONITORING), (BASE, GPU, MONITORING)]
OURS = ("migrate", "api", "worker", "beat")
VARIABLE = re.compile(r"\$\{([A-Z_]+)(:?[-?])?[^}]*\}")


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    return load(BASE)


def services() -> list[tuple[str, str]]:
    return [(name, service) for name in (BASE, MONITORING) for service in load(name)["services"]]


@pytest.mark.parametrize("name", [BASE, GPU, MONITORING])
def test_every_file_follows_the_compose_specification(name: str) -> None:
    assert_valid(ROOT / name)


@pytest.mark.parametrize("names", MERGES, ids=" + ".join)
def test_every_merge_follows_the_compose_specification(names: tuple[str, ...], tmp_path: Path) -> None:
    merged: dict[str, Any] = {}
    for name in names:
        merged = merge(merged, load(name))
    (tmp_path / "merged.json").write_text(json.dumps(merged))
    assert_valid(tmp_path / "merged.json")
    assert_complete(merged["services"], names)


@pytest.mark.parametrize("names", MERGES, ids=" + ".join)
def test_docker_compose_accepts_every_merge(names: tuple[str, ...], tmp_path: Path) -> None:
    files = [argument for name in names for argument in ("-f", name)]
    command = [*docker_compose(), *files, "config", "--format", "json"]
    environment = os.environ | dict.fromkeys(required_variables(), "0123456789abcdef")
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "merged.json").write_text(done.stdout)
    assert_valid(tmp_path / "merged.json")
    assert_complete(json.loads(done.stdout)["services"], names)


def test_docker_compose_refuses_the_example(tmp_path: Path) -> None:
    command = [*docker_compose(), "--env-file", str(ROOT / ".env.example"), "-f", BASE, "config", "--quiet"]
    environment = {name: os.environ[name] for name in os.environ if name not in required_variables()}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode != 0
    assert "make up" in done.stderr


def merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """As far as our files need it: mappings are merged, everything else is replaced."""
    both = {
        key: merge(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in override.items()
    }
    return base | both


def assert_complete(result: dict[str, Any], names: tuple[str, ...]) -> None:
    assert set(OURS) <= set(result)
    assert ("grafana" in result) == (MONITORING in names)
    assert_built_once(result)
    if GPU not in names:
        return
    for service in ("api", "worker"):
        resources = result[service]["deploy"]["resources"]
        assert resources["limits"]["memory"], "the override must add a device, not replace the limit"
        assert resources["reservations"]["devices"][0]["driver"] == "nvidia"
    assert "/cu" in result["migrate"]["build"]["args"]["TORCH_INDEX"]


def assert_built_once(result: dict[str, Any]) -> None:
    """By what everything of ours waits for: whichever service is asked for, its image is there first."""
    assert [name for name, service in result.items() if "build" in service] == ["migrate"]
    assert len({result[name]["image"] for name in OURS}) == 1
    for name in set(OURS) - {"migrate"}:
        assert "migrate" in result[name]["depends_on"]
        assert result[name]["pull_policy"] == "never", "nowhere else is an image of that name ours"


def assert_valid(path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def docker_compose() -> list[str]:
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True)
            if done.returncode == 0 and int(done.stdout.strip().removeprefix("v").split(".")[0]) >= 2:
                return command
    pytest.skip("Docker Compose 2 is not installed: what it makes of the files is not tried.")


def required_variables() -> set[str]:
    text = "".join((ROOT / name).read_text() for name in (BASE, GPU, MONITORING))
    return {name for name, how in VARIABLE.findall(text) if how == ":?"}


def test_nothing_starts_while_a_secret_is_empty() -> None:
    example = (ROOT / ".env.example").read_text()
    secrets = {line.rstrip("=") for line in example.splitlines() if line.endswith("=") and line[0] != "#"}
    assert secrets == required_variables()
    text = (ROOT / BASE).read_text() + (ROOT / MONITORING).read_text()
    for name in secrets:
        assert f"${{{name}}}" not in text, "an empty value would be taken"
        assert f"${{{name}:-" not in text, "a default would be a secret that everybody knows"


def test_every_variable_is_documented() -> None:
    example = (ROOT / ".env.example").read_text()
    used = {name for name, _ in VARIABLE.findall((ROOT / BASE).read_text())}
    documented = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert used <= documented, used - documented


def test_documented_defaults_are_the_real_ones() -> None:
    """Those of the compose file, or where that leaves a setting empty, those of the program."""
    documented = dict(re.findall(r"^#([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    compose = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", (ROOT / BASE).read_text()))
    assert set(documented) <= set(compose)
    for name, value in documented.items():
        field = Settings.model_fields.get(name.removeprefix("TWINSPACE_").lower())
        assert value == (compose[name] or (spelt(field.default) if field else "")), name


def spelt(value: object) -> str:
    """As one would write it into `.env`."""
    return str(value).lower() if isinstance(value, bool) else str(value or "")


def test_every_setting_can_be_set(base: dict[str, Any]) -> None:
    """But for what the image says, and for doors without keys, of which there are none here."""
    passed = {name.removeprefix("TWINSPACE_").lower() for name in base["services"]["api"]["environment"]}
    assert set(Settings.model_fields) - passed == {"data", "allow_unauthenticated"}


def test_several_of_the_largest_requests_fit_into_tmp_at_a_time(base: dict[str, Any]) -> None:
    api = base["services"]["api"]
    (size,) = [int(found) for found in re.findall(r"size=(\d+)g\b", " ".join(api["tmpfs"]))]
    largest = substitute(api["environment"]["TWINSPACE_MAX_REQUEST_BYTES"], {})
    assert size * 1024**3 >= 8 * int(largest)
    assert int(largest) >= Settings().max_image_bytes


def test_only_the_port_of_the_api_is_published(base: dict[str, Any]) -> None:
    published = {name: service.get("ports") for name, service in base["services"].items()}
    assert {name for name, ports in published.items() if ports} == {"api"}
    assert published["api"] == ["${TWINSPACE_BIND:-127.0.0.1}:${TWINSPACE_PORT:-8000}:8000"]


def test_what_holds_data_cannot_be_reached_from_outside(base: dict[str, Any]) -> None:
    assert base["networks"]["back"]["internal"]
    for name in ("qdrant", "postgres", "redis"):
        assert base["services"][name]["networks"] == ["back"]


def test_addresses_in_settings_name_services_and_what_they_are_given(base: dict[str, Any]) -> None:
    settings = base["services"]["api"]["environment"]
    prefix, known = "TWINSPACE_", set(Settings.model_fields)
    assert {name.removeprefix(prefix).lower() for name in settings} <= known
    ports = {"qdrant": "6333", "postgres": "5432", "redis": "6379"}
    urls = [settings[f"TWINSPACE_{name}_URL"] for name in ("QDRANT", "DATABASE", "BROKER")]
    for (service, port), url in zip(ports.items(), urls, strict=True):
        assert re.search(rf"[/@]{service}:{port}\b", url), url
        assert service in base["services"]
    postgres = base["services"]["postgres"]["environment"]
    assert f"//{postgres['POSTGRES_USER']}:" in settings["TWINSPACE_DATABASE_URL"]
    assert settings["TWINSPACE_DATABASE_URL"].endswith(f"/{postgres['POSTGRES_DB']}")
    for name in OURS:
        assert base["services"][name]["environment"] == settings, "all parts must mean the same"


def test_settings_of_the_compose_file_are_accepted(base: dict[str, Any]) -> None:
    secrets = dict.fromkeys(required_variables(), "0123456789abcdef0123456789abcdef")
    given = {
        name.removeprefix("TWINSPACE_").lower(): substitute(value, secrets)
        for name, value in base["services"]["api"]["environment"].items()
    }
    settings = Settings(**{name: value for name, value in given.items() if value})
    assert settings.distributed
    assert (
        settings.database_url
        == f"postgresql+psycopg://twinspace:{secrets['POSTGRES_PASSWORD']}@postgres:5432/twinspace"
    )


def substitute(value: str, secrets: dict[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        name, how = match[1], match[2]
        return secrets[name] if how == ":?" else match[0].partition(":-")[2].rstrip("}")

    return VARIABLE.sub(one, value)


def test_everything_waits_for_what_it_needs(base: dict[str, Any]) -> None:
    services = base["services"]
    for name in ("api", "worker"):
        assert set(services[name]["depends_on"]) == {"migrate", "qdrant", "postgres", "redis"}
    for name, service in services.items():
        for needed, condition in service.get("depends_on", {}).items():
            how = condition["condition"]
            assert how == ("service_completed_successfully" if needed == "migrate" else "service_healthy"), (
                name
            )
            if how == "service_healthy":
                assert "test" in services[needed]["healthcheck"]


@pytest.mark.parametrize(("file", "service"), services())
def test_every_service_is_bounded_restarted_and_cannot_gain_rights(file: str, service: str) -> None:
    definition = load(file)["services"][service]
    assert definition["deploy"]["resources"]["limits"]["memory"]
    assert definition["logging"]["options"]["max-size"]
    assert definition["logging"]["options"]["max-file"]
    assert definition["security_opt"] == ["no-new-privileges:true"]
    assert definition["restart"] == ("no" if service == "migrate" else "unless-stopped")
    assert ":" in definition["image"], "a version, so that nothing changes by itself"


@pytest.mark.parametrize("names", MERGES, ids=" + ".join)
def test_secrets_of_services_with_a_read_only_root_are_files(names: tuple[str, ...]) -> None:
    """Docker Compose copies all others into the container, and refuses where it cannot."""
    merged: dict[str, Any] = {}
    for name in names:
        merged = merge(merged, load(name))
    for service, definition in merged["services"].items():
        for secret in definition.get("secrets", []) if definition.get("read_only") else []:
            assert "file" in merged["secrets"][secret], (service, secret)


@pytest.mark.parametrize("service", OURS)
def test_ours_run_without_rights_on_a_read_only_root(base: dict[str, Any], service: str) -> None:
    definition = base["services"][service]
    assert definition["read_only"]
    assert definition["cap_drop"] == ["ALL"]
    assert definition["init"]
    assert definition["volumes"] == ["storage:/data"]
    assert any(mount.startswith("/tmp") for mount in definition["tmpfs"])


def test_health_checks_ask_ports_that_the_commands_listen_on(base: dict[str, Any]) -> None:
    for name in ("api", "worker", "beat"):
        definition = base["services"][name]
        port = definition["command"][-1]
        assert definition["healthcheck"]["test"][:3] == [
            "CMD",
            "python",
            "/usr/local/lib/twinspace/healthcheck.py",
        ]
        assert f"127.0.0.1:{port}/" in definition["healthcheck"]["test"][3]


def test_volumes_and_networks_are_declared() -> None:
    declared_volumes = {"storage", *load(BASE)["volumes"], *load(MONITORING)["volumes"]}
    for file, service in services():
        definition = load(file)["services"][service]
        for volume in definition.get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), "paths are relative to the first file"
            elif not source.startswith("/"):
                assert source in declared_volumes
        assert set(definition["networks"]) <= set(load(BASE)["networks"])


def test_commands_exist(base: dict[str, Any]) -> None:
    from typer.main import get_command

    from backend.cli import app

    commands = get_command(app).commands
    for name in OURS:
        command, *arguments = base["services"][name]["command"]
        options = {option for parameter in commands[command].params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("--")} <= options
