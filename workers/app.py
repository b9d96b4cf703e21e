"""The Celery application. Its messages are wake-ups: losing one, or getting it twice, is harmless."""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.connection import Connection

from backend.settings import Settings

QUEUE = "twinspace"
INGEST = "twinspace.ingest"
RECONCILE = "twinspace.reconcile"
# Redis may be away, and nobody who uploads waits for it.
CONNECT_SECONDS = 2
SOCKET_SECONDS = 5


def make_app(settings: Settings) -> Celery:
    app = Celery("twinspace", broker=settings.broker_url, include=["workers.tasks"])
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_publish_retry=False,
        # torch hangs in forked children. Two threads: one ingests, one reconciles or finds it busy.
        worker_pool="threads",
        worker_concurrency=2,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        broker_connection_timeout=CONNECT_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": SOCKET_SECONDS,
            "socket_keepalive": True,
        },
        # No message expires: by a clock that is wrong, all would. A stale one costs next to nothing, and
        # whoever sends them sees to it that few wait.
        beat_schedule={"reconcile": {"task": RECONCILE, "schedule": settings.reconcile_seconds}},
    )
    return app


def wake_workers(app: Celery, number: int) -> None:
    """Sees to it that `number` messages are waiting, and no more: Redis does not grow while all
    workers are busy, or away. Raises what the broker's client raises when it does not answer."""
    with app.connection_for_write() as connection:
        for _ in range(number - waiting(connection)):
            app.send_task(INGEST, connection=connection, retry=False)


def waiting(connection: Connection) -> int:
    """Messages that no worker has taken. Raises what the broker's client raises."""
    try:
        channel: Any = connection.default_channel
        declared = channel.queue_declare(queue=QUEUE, passive=True)
    except connection.channel_errors:
        return 0  # Redis has no empty lists: the queue exists while something waits in it.
    return int(declared.message_count)


def check_broker(app: Celery) -> None:
    """Raises what the broker's client raises unless it answers now."""
    with app.connection_for_write() as connection:
        connection.connect()
