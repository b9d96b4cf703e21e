"""Prometheus metrics of one application, in a registry of their own; open, so no tenant appears in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

from backend.catalogue.items import Counts

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class _Sampled:
    """Values that are asked for when Prometheus asks. What does not answer is left out of that sample."""

    def __init__(self, waiting: Callable[[], dict[str, int]], counts: Callable[[], Counts | None]) -> None:
        self._waiting = waiting
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        depth = GaugeMetricFamily(
            "twinspace_queue_depth", "Requests that wait for a batch.", labels=["queue"]
        )
        for queue, number in self._waiting().items():
            depth.add_metric([queue], number)
        yield depth
        counts = self._counts()
        if counts is None:
            return
        items = GaugeMetricFamily(
            "twinspace_items", "Items by kind (indexed ones) or status.", labels=["state"]
        )
        for state in ("images", "captions", "pending", "failed", "in_space"):
            items.add_metric([state], getattr(counts, state))
        yield items


class Metrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.seconds = Histogram(
            "twinspace_request_seconds",
            "Time to answer, by route.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._batches = Histogram(
            "twinspace_batch_size",
            "How many requests for texts, pictures or searches ran together.",
            ["stage"],
            buckets=BATCH_SIZES,
            registry=self._registry,
        )
        self._batch_seconds = Histogram(
            "twinspace_batch_seconds",
            "Time of one run of the encoder (`text`, `image`) or the vector store (`search`) for queries.",
            ["stage"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self.uploads = Counter(
            "twinspace_uploads",
            "Inputs of uploads, by what became of them.",
            ["outcome"],
            registry=self._registry,
        )

    def on_batch(self, stage: str, size: int, seconds: float) -> None:
        self._batches.labels(stage).observe(size)
        self._batch_seconds.labels(stage).observe(seconds)

    def sample(self, waiting: Callable[[], dict[str, int]], counts: Callable[[], Counts | None]) -> None:
        self._registry.register(_Sampled(waiting, counts))

    def exposition(self) -> bytes:
        return generate_latest(self._registry)
