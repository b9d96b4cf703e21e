"""What ingest measures: how long encoding and storing take, how full batches are, what became of items."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
WAITS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 600, 3600, 6 * 3600, 24 * 3600)
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class IngestMetrics:
    """One for each registry, which is one for each process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.encode_seconds = Histogram(
            "twinspace_ingest_encode_seconds",
            "Time to encode the pictures or texts of one forward pass.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "twinspace_ingest_batch_size",
            "How many pictures or texts shared a forward pass.",
            ["kind"],
            buckets=BATCH_SIZES,
            registry=registry,
        )
        self.store_seconds = Histogram(
            "twinspace_ingest_store_seconds",
            "Time to write the points of one batch into the vector store.",
            ["kind"],
            buckets=SECONDS,
            registry=registry,
        )
        self.wait_seconds = Histogram(
            "twinspace_ingest_wait_seconds",
            "Time from upload to indexed.",
            ["kind"],
            buckets=WAITS,
            registry=registry,
        )
        self.items = Counter(
            "twinspace_ingest_items",
            "Items that came to an end: `indexed`, or the code of their failure.",
            ["outcome"],
            registry=registry,
        )
        self.standing_by = Gauge(
            "twinspace_ingest_standing_by",
            "1 while workers with another encoder are at work, and this one is not.",
            registry=registry,
        )
