"""Who asks: API keys in constant time, and the tenant that a key belongs to."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, g, request

from backend.api.signing import Signer
from backend.errors import Unauthorized
from backend.settings import DEFAULT_TENANT, Settings

SIGNED_ENDPOINTS = frozenset({"pictures.content", "pictures.thumbnail"})


class Keys:
    """Compares digests, all of them every time, so that timing tells neither length nor place."""

    def __init__(self, settings: Settings) -> None:
        self._digests = [(_digest(key.encode()), tenant) for tenant, key in settings.keys_by_tenant()]

    @property
    def required(self) -> bool:
        return bool(self._digests)

    def tenant(self, key: bytes) -> str | None:
        """The key's tenant, or None."""
        presented, found = _digest(key), None
        for digest, tenant in self._digests:
            if hmac.compare_digest(digest, presented):
                found = tenant
        return found


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _presented_key() -> bytes | None:
    header = request.headers.get("Authorization", "")
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer":
        key = request.headers.get("X-API-Key", "")
    key = key.strip()
    return key.encode("latin-1", "replace") if key else None  # WSGI hands out headers as latin-1


def _signed_tenant(signer: Signer) -> str | None:
    if request.endpoint not in SIGNED_ENDPOINTS or request.method not in ("GET", "HEAD"):
        return None
    tenant, expires = request.args.get("tenant", ""), request.args.get("expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 15):
        return None
    valid = signer.accepts(request.path, tenant, int(expires), request.args.get("signature", ""))
    return tenant if valid else None


def register(app: Flask, keys: Keys, signer: Signer) -> None:
    """From then on `g.tenant` is set in every request under `/v1`, or it is refused."""

    @app.before_request
    def authenticate() -> None:
        g.tenant = DEFAULT_TENANT
        if not keys.required or request.method == "OPTIONS" or not request.path.startswith("/v1/"):
            return
        key = _presented_key()
        tenant = keys.tenant(key) if key is not None else _signed_tenant(signer)
        if tenant is None:
            raise Unauthorized("This needs a valid API key: `Authorization: Bearer KEY` or `X-API-Key: KEY`.")
        g.tenant = tenant
