"""The HTTP API: an application factory over the services of a profile. `api.md` is its contract."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Flask

from backend.api import (
    auth,
    classify,
    facets,
    headers,
    items,
    logs,
    loopback,
    page,
    pictures,
    problems,
    search,
    system,
    uploads,
)
from backend.api.metrics import Metrics
from backend.api.models import MAX_BATCH
from backend.api.multipart import StrictRequest
from backend.api.readiness import Readiness
from backend.api.signing import Signer, signing_key
from backend.api.state import Api, attach
from backend.catalogue.items import Counts
from backend.catalogue.progress import CachedCounts
from backend.catalogue.search.query_vectors import QueryEncoder
from backend.catalogue.search.searcher import Searcher
from backend.errors import Unavailable
from backend.profile import Services
from backend.settings import MEBIBYTE, Settings
from backend.uploads import Uploads
from encoders.base import EncoderError

LOG = logging.getLogger("twinspace.api")

BLUEPRINTS = (
    uploads.blueprint,
    items.blueprint,
    pictures.blueprint,
    search.blueprint,
    facets.blueprint,
    classify.blueprint,
    system.blueprint,
    page.blueprint,
)


def create_app(services: Services) -> Flask:
    settings = services.settings
    app = Flask("twinspace", static_folder=None)
    app.request_class = StrictRequest
    app.url_map.strict_slashes = False
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_request_bytes,
        MAX_FORM_MEMORY_SIZE=8 * MEBIBYTE,
        MAX_FORM_PARTS=4 * MAX_BATCH,
    )
    api = _assemble(services)
    attach(app, api)
    # Each of these sees a request in this order, and an answer in the opposite one.
    logs.register(app, api.metrics)
    headers.register(app, settings.cors_origins)
    loopback.register(app, settings)
    auth.register(app, auth.Keys(settings), api.signer)
    problems.register(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _assemble(services: Services) -> Api:
    settings, key, metrics = services.settings, signing_key(services.settings), Metrics(services.registry)
    encoder = QueryEncoder(services.encoder, settings, metrics.on_batch)
    searcher = Searcher(
        services.catalogue, services.store, services.originals, encoder, settings, key, metrics.on_batch
    )
    counts = CachedCounts(lambda tenant: services.catalogue.counts(tenant, encoder.space.name))
    waiting = lambda: encoder.waiting() | {"search": searcher.queries.waiting()}  # noqa: E731
    metrics.sample(waiting, _total(counts, settings))
    return Api(
        services=services,
        signer=Signer(key),
        uploads=Uploads(services.catalogue, services.originals, services.store, settings),
        encoder=encoder,
        searcher=searcher,
        counts=counts,
        metrics=metrics,
        readiness=Readiness(services, encoder, searcher.queries),
    )


def _total(counts: CachedCounts, settings: Settings) -> Callable[[], Counts | None]:
    def total() -> Counts | None:
        try:
            each = [counts.get(tenant) for tenant in settings.tenants()]
        except (Unavailable, EncoderError) as error:
            LOG.warning("Items are missing from this sample of metrics: %s", error)
            return None
        names = Counts.__dataclass_fields__
        return Counts(**{name: sum(getattr(one, name) for one in each) for name in names})

    return total
