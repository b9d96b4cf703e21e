"""`twinspace worker`: encodes what was uploaded, together with any number of others like it."""

from __future__ import annotations

from backend.cli.celery_options import MetricsHost, MetricsPort, start_celery
from backend.memory import tune_malloc


def worker(metrics_host: MetricsHost = "127.0.0.1", metrics_port: MetricsPort = None) -> None:
    """Work off uploads (start as many as there is work for)."""
    tune_malloc()
    # torch hangs in forked children. Workers need not know of each other: the catalogue divides the work.
    arguments = [
        "--quiet",
        "worker",
        "--pool=threads",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    start_celery(arguments, metrics_host, metrics_port)
