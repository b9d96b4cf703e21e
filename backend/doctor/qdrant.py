"""Qdrant: can it be reached with this key, and is it of a version that its client works with?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx
from qdrant_client.common.version_check import is_compatible

from backend.doctor import clock
from backend.doctor.findings import Finding, ok, problem, warning
from backend.settings import Settings

OLDEST = (1, 19)
"""Since then a query may say among which points the rarity of words is counted."""


def check(settings: Settings) -> Iterator[Finding]:
    url = settings.qdrant_url
    if url is None:
        yield ok("vectors", f"Qdrant Edge {version('qdrant-edge-py')} in the process.")
        return
    headers = {"api-key": settings.qdrant_api_key} if settings.qdrant_api_key else {}
    asked = datetime.now(UTC)
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=settings.qdrant_timeout) as client:
            greeting = client.get("/")
            listing = client.get("/collections")
    except httpx.HTTPError as error:
        yield problem(
            "vectors",
            f"Qdrant at {url} does not answer: {error or type(error).__name__}",
            "Is it running, and can this machine reach TWINSPACE_QDRANT_URL? Uploads are accepted meanwhile.",
        )
        return
    yield _version(url, greeting)
    yield from _access(listing)
    if said := _date(greeting):
        # HTTP dates are whole seconds, cut off.
        yield clock.compare("Qdrant", said, asked - timedelta(seconds=1))
    if url.startswith("http://") and not _is_loopback(url):
        yield from _exposure(url, settings.qdrant_api_key)


def _exposure(url: str, key: str | None) -> Iterator[Finding]:
    if key is None:
        yield warning(
            "vectors",
            "Qdrant asks for no key: whoever reaches it can read and delete everything.",
            "Give it one (QDRANT__SERVICE__API_KEY) and set TWINSPACE_QDRANT_API_KEY.",
        )
    elif "." in httpx.URL(url).host:  # Names without a dot are those of a network of its own.
        yield warning(
            "vectors",
            "Qdrant's key travels in plain text.",
            "Unless that network is private, let Qdrant speak TLS and set TWINSPACE_QDRANT_URL to https://.",
        )


def _version(url: str, greeting: httpx.Response) -> Finding:
    client = version("qdrant-client")
    try:
        server = str(greeting.json()["version"])
    except (ValueError, KeyError, TypeError):
        return problem(
            "vectors",
            f"What answers at {url} (status {greeting.status_code}) is no Qdrant.",
            "Correct TWINSPACE_QDRANT_URL: it is the REST port, 6333 by default.",
        )
    if _minor(server) < OLDEST:
        return problem(
            "vectors",
            f"Qdrant {server} is too old for searches by words: 1.19 is the oldest that will do.",
            "Upgrade it, one minor version at a time.",
        )
    if is_compatible(client, server):
        return ok("vectors", f"Qdrant {server} at {url} (client {client}).")
    return warning(
        "vectors",
        f"Qdrant {server} and its client {client} are more than one minor version apart.",
        "Upgrade the older one; Qdrant itself must be upgraded one minor version at a time.",
    )


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _access(listing: httpx.Response) -> Iterator[Finding]:
    if listing.status_code in (401, 403):
        yield problem(
            "vectors",
            "Qdrant refuses the key.",
            "TWINSPACE_QDRANT_API_KEY must be what Qdrant was started with (QDRANT__SERVICE__API_KEY).",
        )
    elif listing.status_code != 200:
        yield problem(
            "vectors",
            f"Qdrant answers {listing.status_code}: {listing.text[:200]}",
            "Its log says why (`docker compose logs qdrant`).",
        )


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None


def _is_loopback(url: str) -> bool:
    return httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")
