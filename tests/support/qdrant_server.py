"""A real Qdrant for tests, where one can be had: at TWINSPACE_TEST_QDRANT_URL, else from Docker's image
(TWINSPACE_TEST_QDRANT_IMAGE names another one; nothing is downloaded)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.containers import Container, has_image

IMAGE = os.environ.get("TWINSPACE_TEST_QDRANT_IMAGE", "qdrant/qdrant:v1.19.0")
MISSING = f"no Qdrant server at hand: TWINSPACE_TEST_QDRANT_URL is not set, and Docker has no image {IMAGE}"


@contextmanager
def real_qdrant() -> Iterator[str | None]:
    """Its URL; None where there is none."""
    given = os.environ.get("TWINSPACE_TEST_QDRANT_URL")
    if given or not has_image(IMAGE):
        yield given
        return
    container = Container(IMAGE, 6333, _answers)
    try:
        container.start()
        yield f"http://127.0.0.1:{container.port}"
    finally:
        container.remove()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
