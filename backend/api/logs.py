"""One JSON line and one measurement a request, with the id that the answer carries too."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime

from flask import Flask, Response, g, request

from backend.api.metrics import Metrics

LOG = logging.getLogger("twinspace.requests")

QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for every few seconds: logged only when something is wrong."""


def register(app: Flask, metrics: Metrics) -> None:
    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def finish(response: Response) -> Response:
        seconds = time.perf_counter() - g.started
        # The rule, not the path: ids would make a time series each.
        route = request.url_rule.rule if request.url_rule else "unknown"
        metrics.seconds.labels(request.method, route, response.status_code).observe(seconds)
        if LOG.isEnabledFor(logging.INFO) and not (route in QUIET and response.status_code < 400):
            LOG.info(_line(response, seconds))
        return response


def _line(response: Response, seconds: float) -> str:
    fields = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": g.request_id,
        "method": request.method,
        "path": request.path[:500],
        "status": response.status_code,
        "ms": round(1000 * seconds, 2),
        "tenant": g.get("tenant"),
        "bytes": response.content_length,
        "problem": g.get("problem"),
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None})
