"""What the routes of one application share, instead of globals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g

from backend.api.metrics import Metrics
from backend.api.readiness import Readiness
from backend.api.signing import Signer
from backend.catalogue.progress import CachedCounts
from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.searcher import Searcher
from backend.profile import Services
from backend.uploads import Uploads

_NAME = "twinspace"


@dataclass(frozen=True)
class Api:
    services: Services
    signer: Signer
    uploads: Uploads
    encoder: QueryEncoder
    searcher: Searcher
    counts: CachedCounts
    """Of the current space, by tenant."""
    metrics: Metrics
    readiness: Readiness

    def close(self) -> None:
        """Answers the queries that wait, then ends the threads that answer them."""
        self.encoder.close()
        self.searcher.close()


def attach(app: Flask, api: Api) -> None:
    app.extensions[_NAME] = api


def api() -> Api:
    return cast(Api, current_app.extensions[_NAME])


def tenant() -> str:
    """Of the request at hand (`backend.api.auth`)."""
    return cast(str, g.tenant)
