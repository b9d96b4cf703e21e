"""The broker: does it answer, will it keep messages rather than drop them, and who listens and sends?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from kombu.utils.url import maybe_sanitize_url

from backend.doctor import clock
from backend.doctor.findings import Finding, ok, problem, warning
from backend.settings import Settings
from workers.app import make_app
from workers.scheduler import is_alive

CONNECT_SECONDS = 5
ANSWER_SECONDS = 2.0


def check(settings: Settings) -> Iterator[Finding]:
    if settings.broker_url is None:
        yield ok("broker", "None is needed: a thread of the server does the ingest.")
        return
    where = maybe_sanitize_url(settings.broker_url)
    app = make_app(settings)
    with app.connection_for_write() as broker:
        try:
            broker.ensure_connection(max_retries=1, timeout=CONNECT_SECONDS)
        except Exception as error:  # noqa: BLE001 - every transport has errors of its own
            reason = str(error) or type(error).__name__
            yield problem("broker", f"{where} does not answer: {reason}", _remedy(reason))
            return
        yield ok("broker", f"{where} answers.")
        if broker.transport.driver_type == "redis":
            yield from _redis(broker.default_channel.client)
    yield _workers(app)


def _redis(client: Any) -> Iterator[Finding]:
    asked = datetime.now(UTC)
    seconds, microseconds = client.time()
    theirs = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
    yield clock.compare("Redis", theirs, asked)
    memory = client.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        yield warning(
            "broker",
            f"Redis may drop any key when its memory is full (maxmemory-policy {policy}).",
            "Set maxmemory-policy to noeviction; messages are small, 64 MB are plenty.",
        )
    yield _beat(client)


def _beat(client: Any) -> Finding:
    if is_alive(client):
        return ok("broker", "A beat reminds the workers of what was left undone.")
    return warning(
        "broker",
        "No beat was heard of late: what is interrupted is not taken up again, deletions stay unfinished.",
        "Start one: `twinspace beat`, or `docker compose up -d beat`; it is heard after its first turn.",
    )


def _workers(app: Celery) -> Finding:
    answers = app.control.ping(timeout=ANSWER_SECONDS)
    if not answers:
        return warning(
            "broker",
            f"No worker answered within {ANSWER_SECONDS:.0f} seconds: uploads are accepted and wait.",
            "Start one: `twinspace worker`, or `docker compose up -d worker`.",
        )
    names = ", ".join(sorted(name for answer in answers for name in answer))
    return ok("broker", f"{len(answers)} worker(s) listen: {names}.")


def _remedy(reason: str) -> str:
    if any(word in reason.lower() for word in ("auth", "pass")):
        return "The password in TWINSPACE_BROKER_URL is not the broker's."
    return "Is it running, and can this machine reach host and port of TWINSPACE_BROKER_URL?"
