"""Without keys a server is for whoever sits at its machine, which the pages in their browser are not: a page
from elsewhere may neither write (by a form, for which browsers ask nobody) nor read (by a name of its own
that suddenly means 127.0.0.1, known as DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, request

from backend.errors import Forbidden
from backend.settings import Settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def register(app: Flask, settings: Settings) -> None:
    """Nothing to do where keys are asked for, if only (`allow_unauthenticated`) by something in front."""
    if settings.api_keys or settings.allow_unauthenticated:
        return

    @app.before_request
    def refuse_strangers() -> None:
        host = request.headers.get("Host")
        if host is not None and not is_loopback(host):
            raise Forbidden(
                f"Without API keys this server answers to `localhost` and loopback addresses only, not to "
                f"`{host[:100]}`. Set TWINSPACE_API_KEYS, or TWINSPACE_ALLOW_UNAUTHENTICATED=true if "
                "something in front asks for them."
            )
        origin = request.headers.get("Origin")
        if origin is not None and request.method not in READING and not _may_write(origin, host, settings):
            raise Forbidden(
                f"Without API keys, pages of `{origin[:100]}` may not write here. Name that origin in "
                "TWINSPACE_CORS_ORIGINS, or set TWINSPACE_API_KEYS."
            )


def is_loopback(host: str) -> bool:
    """Of a `Host` header, with or without a port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _may_write(origin: str, host: str | None, settings: Settings) -> bool:
    if "*" in settings.cors_origins or origin in settings.cors_origins:
        return True
    return host is not None and origin.partition("://")[2].lower() == host.lower()
