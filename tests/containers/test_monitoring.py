"""Alerts and dashboard speak of metrics that exist, and the runbook of every alert."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery import Celery
from prometheus_client import CollectorRegistry

from backend.api.metrics import Metrics
from backend.backlog_metrics import BacklogMetrics
from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Counts
from backend.settings import Settings
from workers.connection import watch_connection
from workers.metrics import IngestMetrics

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
PROMETHEUS = DEPLOY / "prometheus/prometheus.yml"
DASHBOARD = DEPLOY / "grafana/dashboards/twinspace.json"
FOREIGN = {
    "up",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
}
"""Of Prometheus itself, node-exporter, and every Python process that serves metrics."""


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return json.loads(DASHBOARD.read_text())["panels"]


def expressions() -> list[str]:
    return [rule["expr"] for rule in rules()] + [
        target["expr"] for panel in panels() for target in panel["targets"]
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the API, workers and beat really serve."""
    settings = Settings(data=tmp_path_factory.mktemp("data"))
    Catalogue(f"sqlite:///{settings.data}/catalogue.db").close()
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.sample(lambda: {"text": 0}, lambda: Counts(1, 1, 0, 0, 2))
    metrics.seconds.labels("GET", "/v1/search", 200).observe(0.01)
    metrics.on_batch("text", 1, 0.01)
    metrics.uploads.labels("accepted").inc()
    registry.register(BacklogMetrics(settings))
    watch_connection(Celery(), registry)
    ingest = IngestMetrics(registry)
    for histogram in (ingest.encode_seconds, ingest.store_seconds, ingest.wait_seconds, ingest.batch_size):
        histogram.labels("image").observe(1)
    ingest.items.labels("indexed").inc()
    return metrics.exposition().decode()


def test_every_metric_exists(served: str) -> None:
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", served, re.MULTILINE))
    suffixes = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("", "_total")}
    existing = {name + suffix for name, kind in kinds.items() for suffix in suffixes.get(kind, ("",))}
    used = {name for each in expressions() for name in re.findall(r"\b(?:twinspace|node|process)_\w+", each)}
    assert used
    assert used <= existing | FOREIGN, used - existing - FOREIGN


def test_every_label_that_is_selected_exists(served: str) -> None:
    labels = set(re.findall(r'[{,](\w+)="', served)) | {"job", "fstype"}
    used = {name for each in expressions() for name in re.findall(r"[{,]\s*(\w+)\s*[=!]~?\"", each)}
    assert used <= labels, used - labels


def test_every_job_is_scraped_from_a_service_that_is_there() -> None:
    services = {
        service
        for name in ("../docker-compose.yml", "compose.monitoring.yml")
        for service in yaml.safe_load((DEPLOY / name).read_text())["services"]
    }
    jobs = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    for job in jobs:
        hosts = [host for found in job.get("dns_sd_configs", []) for host in found["names"]]
        hosts += [t.split(":")[0] for found in job.get("static_configs", []) for t in found["targets"]]
        assert hosts
        assert set(hosts) <= services
    named = {name for each in expressions() for name in re.findall(r'job="(\w+)"', each)}
    assert named <= {job["job_name"] for job in jobs}


def test_ports_that_are_scraped_are_those_of_the_commands() -> None:
    services = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())["services"]
    for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]:
        if job["job_name"] in ("api", "worker"):
            assert str(job["dns_sd_configs"][0]["port"]) == services[job["job_name"]]["command"][-1]
        if job["job_name"] == "beat":
            assert job["static_configs"][0]["targets"] == [f"beat:{services['beat']['command'][-1]}"]


def test_prometheus_finds_the_key_that_it_shows(tmp_path: Path) -> None:
    """Its own command writes it; run here with a stand-in for Prometheus."""
    (qdrant,) = [
        job for job in yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"] if job["job_name"] == "qdrant"
    ]
    file = Path(qdrant["authorization"]["credentials_file"])
    service = yaml.safe_load((DEPLOY / "compose.monitoring.yml").read_text())["services"]["prometheus"]
    assert any(mount.startswith(f"{file.parent}:") for mount in service["tmpfs"]), "the root is read-only"
    (script,) = service["command"]
    script = script.replace("$$", "$").replace(str(file), str(tmp_path / "key"))
    script = script.replace("/bin/prometheus", "echo").replace("${PROMETHEUS_RETENTION:-30d}", "30d")
    command = [*service["entrypoint"], script]
    done = subprocess.run(command, env={"QDRANT_API_KEY": "s3cret"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "key").read_text() == "s3cret"
    assert "--config.file=/etc/prometheus/prometheus.yml" in done.stdout.split()


def test_the_runbook_says_what_to_do_about_every_alert() -> None:
    runbook = (DEPLOY / "README.md").read_text()
    for rule in rules():
        assert f"`{rule['alert']}`" in runbook, rule["alert"]
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in panels()
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_dashboard_reads_from_the_provisioned_source() -> None:
    provisioned = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())
    assert {panel["datasource"]["uid"] for panel in panels()} == {provisioned["datasources"][0]["uid"]}


def test_alerts_fire_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Docker's prom/prometheus has it): rules are not evaluated.")
    cases = Path(__file__).with_name("alerts_test.yml")
    done = subprocess.run([promtool, "test", "rules", cases], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
