"""Routes for whoever runs the server: alive, ready, metrics, statistics, and the documentation."""

from __future__ import annotations

import importlib.util
import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template_string, request, send_from_directory
from prometheus_client import CONTENT_TYPE_LATEST

from backend.api.answers import AliveAnswer, ReadyAnswer, StatsAnswer, answer
from backend.api.document import Operation, describe, openapi
from backend.api.problems import Problem
from backend.api.state import api, tenant
from backend.api.version import VERSION
from backend.catalogue.progress import indexing
from backend.errors import NotFound

blueprint = Blueprint("system", __name__)

SWAGGER_FILES = {
    "swagger-ui.css": "css",
    "swagger-ui-bundle.js": "js",
    "swagger-ui-standalone-preset.js": "js",
}
# Swagger UI sets styles on elements; everything else comes from this server, or not at all.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
DOCS_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Twinspace API</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="{{ root }}/docs/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui" data-url="{{ root }}/openapi.json"></div>
  <script src="{{ root }}/docs/swagger-ui-bundle.js"></script>
  <script src="{{ root }}/docs/start.js"></script>
</body>
</html>
"""
DOCS_START = """window.onload = () => {
  const element = document.getElementById("swagger-ui");
  SwaggerUIBundle({ url: element.dataset.url, domNode: element, deepLinking: true, validatorUrl: null });
};
"""


@blueprint.get("/healthz")
@describe(Operation("Whether the process is alive", answers={200: AliveAnswer}))
def healthz() -> Response:
    return answer({"status": "alive"})


@blueprint.get("/readyz")
@describe(
    Operation(
        "Whether it can encode and search",
        "Really tries, at most every other second. 503 names what is missing.",
        answers={200: ReadyAnswer},
        problems=(503,),
    )
)
def readyz() -> Response:
    state = api().readiness.check()
    checks = {name: {"ok": wrong is None, "detail": wrong} for name, wrong in state.checks.items()}
    if state.ready:
        return answer({"status": "ready", "checks": checks})
    missing = "; ".join(f"{name}: {wrong}" for name, wrong in state.checks.items() if wrong)
    problem = Problem(503, "not_ready", missing, retry_after=5)
    response = problem.response()
    response.data = json.dumps(problem.document() | {"checks": checks})
    return response


@blueprint.get("/metrics")
@describe(
    Operation("Metrics for Prometheus", "Open, and without names of tenants.", answers={200: "text/plain"})
)
def metrics() -> Response:
    return Response(api().metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


@blueprint.get("/v1/stats")
@describe(
    Operation(
        "How much there is",
        "`images` and `captions` count what is indexed.",
        answers={200: StatsAnswer},
        problems=(503,),
    )
)
def stats() -> Response:
    state = api()
    space = state.encoder.space
    counts = state.services.catalogue.counts(tenant(), space.name)
    return answer(
        {
            "space": {
                "name": space.name,
                "dim": space.dim,
                "fingerprint": space.fingerprint,
                "languages": list(space.languages),
                "licence": space.licence,
            },
            "images": counts.images,
            "captions": counts.captions,
            "pending": counts.pending,
            "failed": counts.failed,
            "indexing": indexing(counts),
            # Ids follow from tenant and content: with it a client can ask for what it need not send.
            "tenant": tenant(),
            "version": VERSION,
        }
    )


@blueprint.get("/openapi.json")
def document() -> Response:
    extensions = current_app.extensions
    if "twinspace-openapi" not in extensions:
        keys_required = bool(api().services.settings.api_keys)
        extensions["twinspace-openapi"] = json.dumps(openapi(current_app, keys_required))
    return Response(extensions["twinspace-openapi"], content_type="application/json")


@blueprint.get("/docs")
def docs() -> Response:
    html = render_template_string(DOCS_PAGE, root=request.script_root)
    page = Response(html, content_type="text/html; charset=utf-8")
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page


@blueprint.get("/docs/<name>")
def docs_file(name: str) -> Response:
    if name == "start.js":
        return Response(DOCS_START, content_type="text/javascript; charset=utf-8")
    if name not in SWAGGER_FILES:
        raise NotFound("There is no such page.")
    return send_from_directory(_swagger_folder() / SWAGGER_FILES[name], name, max_age=3600)


@cache
def _swagger_folder() -> Path:
    """Swagger UI travels in the package flask-openapi-swagger; nothing of it is imported."""
    found = importlib.util.find_spec("flask_openapi_swagger")
    if found is None or not found.submodule_search_locations:
        raise NotFound("The documentation page is not installed (flask-openapi-swagger).")
    return Path(found.submodule_search_locations[0]) / "templates" / "swagger"
