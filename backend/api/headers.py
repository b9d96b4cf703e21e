"""Headers that every answer carries: security, CORS for configured origins, and the request's id."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request

SAFE_ID = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
METHODS = "GET, POST, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, Range, X-API-Key, X-Request-ID"
EXPOSED = "Content-Disposition, ETag, Location, Retry-After, WWW-Authenticate, X-Request-ID"
DAY = "86400"


def register(app: Flask, origins: tuple[str, ...]) -> None:
    app.before_request(_identify)
    app.before_request(lambda: _preflight(origins))

    @app.after_request
    def finish(response: Response) -> Response:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = g.request_id
        if origins:
            _allow(response, origins)
        return response


def _identify() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if SAFE_ID.fullmatch(given) else secrets.token_hex(8)


def _preflight(origins: tuple[str, ...]) -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if _allowed(origins) is None:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    response.headers["Access-Control-Max-Age"] = DAY
    return response


def _allowed(origins: tuple[str, ...]) -> str | None:
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    return "*" if "*" in origins else origin if origin in origins else None


def _allow(response: Response, origins: tuple[str, ...]) -> None:
    """Without credentials: keys travel in a header that scripts set, never in cookies."""
    response.vary.add("Origin")
    if (allowed := _allowed(origins)) is not None:
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
