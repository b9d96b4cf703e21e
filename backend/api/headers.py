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
REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, Priority, Range, X-API-Key, X-Request-ID"
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
            response.vary.add("Origin")
        response.headers.update(cross_origin(request.headers.get("Origin"), origins))
        return response


def of_refusal(origin: str | None, given_id: str, origins: tuple[str, ...]) -> dict[str, str]:
    """For what the HTTP layer refuses before the application hears of it."""
    vary = {"Vary": "Origin"} if origins else {}
    return SECURITY | vary | {"X-Request-ID": request_id(given_id)} | cross_origin(origin, origins)


def request_id(given: str) -> str:
    """The one that the request brings, if it is fit for logs, or a new one."""
    return given if SAFE_ID.fullmatch(given) else secrets.token_hex(8)


def cross_origin(origin: str | None, origins: tuple[str, ...]) -> dict[str, str]:
    """Without credentials: keys travel in a header that scripts set, never in cookies."""
    allowed = _allowed(origin, origins)
    if allowed is None:
        return {}
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED}


def _identify() -> None:
    g.request_id = request_id(request.headers.get("X-Request-ID", ""))


def _preflight(origins: tuple[str, ...]) -> Response | None:
    if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
        return None
    if _allowed(request.headers.get("Origin"), origins) is None:
        return None
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = METHODS
    response.headers["Access-Control-Allow-Headers"] = REQUEST_HEADERS
    response.headers["Access-Control-Max-Age"] = DAY
    return response


def _allowed(origin: str | None, origins: tuple[str, ...]) -> str | None:
    if origin is None:
        return None
    return "*" if "*" in origins else origin if origin in origins else None
