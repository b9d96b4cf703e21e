"""Metrics of the whole installation, not of a process: how much waits and how long, and what failed why.

They come from the catalogue and are served in one place (`twinspace beat`, or the embedded profile's only
process), so that no number of replicas multiplies them. All questions are answered from small indexes,
however large the catalogue is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Select, exc, func, select, text

from backend.catalogue import target
from backend.catalogue.queues import tried, untried
from backend.catalogue.schema import ALIVE, TRIED, UNTRIED_PENDING, items
from backend.observing import catalogue_url, observe
from backend.settings import Settings

LOG = logging.getLogger("twinspace.metrics")


MOST = 1_000_000
"""Queues are counted up to here: that much takes a tenth of a second."""


class BacklogMetrics(Collector):
    def __init__(self, settings: Settings) -> None:
        self._engine = observe(catalogue_url(settings))
        self._tenants = settings.tenants()

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering this must not ask a database that may be away."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Left out while the database does not answer."""
        try:
            with self._engine.connect() as connection:
                oldest, failed = self._oldest(connection), self._failed(connection)
                waiting = self._waiting(connection)
        except exc.SQLAlchemyError as error:
            LOG.warning("The catalogue cannot be measured: %s", str(error).splitlines()[0])
            return
        ages = GaugeMetricFamily(
            "twinspace_oldest_pending_seconds",
            "Age of the oldest upload that is not indexed yet: of those by themselves, of imports.",
            labels=["queue"],
        )
        for queue, seconds in oldest.items():
            ages.add_metric([queue], seconds)
        yield ages
        depth = GaugeMetricFamily(
            "twinspace_waiting_items",
            "Items that wait for a worker: uploads by themselves, imports, those that move to another space; "
            "and those in work.",
            labels=["queue"],
        )
        for queue, number in waiting.items():
            depth.add_metric([queue], number)
        yield depth
        failures = GaugeMetricFamily(
            "twinspace_failed_items", "Items that failed, by reason.", labels=["code"]
        )
        for code, number in failed:
            failures.add_metric([code], number)
        yield failures

    def close(self) -> None:
        self._engine.dispose()

    def _oldest(self, connection: Connection) -> dict[str, float]:
        """0 where nothing waits. Items that were tried before are few, and in no order of time."""
        now = datetime.now(UTC)
        ages = {}
        for queue, bulk in (("alone", False), ("bulk", True)):
            new = (
                select(items.c.created_at)
                .where(text(UNTRIED_PENDING), items.c.bulk.is_(bulk))
                .order_by(items.c.sequence)
                .limit(1)
            )
            again = select(func.min(items.c.created_at)).where(
                text(TRIED), items.c.status == "pending", items.c.bulk.is_(bulk)
            )
            times = [time for query in (new, again) if (time := connection.scalar(query)) is not None]
            ages[queue] = max(0.0, (now - min(times, default=now)).total_seconds())
        return ages

    def _waiting(self, connection: Connection) -> dict[str, int]:
        space = target.current(connection)
        alone, bulk, *moving = untried(space or "")
        # Before anybody chose a space, nothing can be on its way there.
        moving = moving if space else []
        queues = {"alone": [alone], "bulk": [bulk], "moving": moving, "in_work": [tried(space or "")]}
        return {name: sum(_count(connection, query) for query in some) for name, some in queues.items()}

    def _failed(self, connection: Connection) -> list[tuple[str, int]]:
        query = (
            select(func.coalesce(items.c.error_code, "unknown"), func.count())
            .where(items.c.tenant.in_(self._tenants), items.c.status == "failed", text(ALIVE))
            .group_by(items.c.error_code)
        )
        return [(str(code), int(number)) for code, number in connection.execute(query)]


def _count(connection: Connection, queue: Select[Any]) -> int:
    return connection.scalar(select(func.count()).select_from(queue.limit(MOST).subquery())) or 0
