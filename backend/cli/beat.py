"""`twinspace beat`: reminds the workers every few seconds to look for what was left undone."""

from __future__ import annotations

from backend.cli.celery_options import MetricsHost, MetricsPort, start_celery
from backend.cli.common import load_settings


def beat(metrics_host: MetricsHost = "127.0.0.1", metrics_port: MetricsPort = None) -> None:
    """Send the reconciler's messages. One is enough, more do no harm."""
    if metrics_port is not None:
        from prometheus_client import REGISTRY

        from backend.backlog_metrics import BacklogMetrics

        REGISTRY.register(BacklogMetrics(load_settings()))
    arguments = ["--quiet", "beat", "--scheduler=workers.scheduler:QuietScheduler"]
    start_celery(arguments, metrics_host, metrics_port)
