"""Links that a browser can follow without a header, for a while: a signature over path, tenant and expiry."""

from __future__ import annotations

import hashlib
import hmac
import time

from backend.settings import Settings

PERIOD = 900
"""Seconds. Expiries are rounded up to it, so that a picture keeps its URL (and its place in the browser's
cache) for a while; a link lives for one to two periods."""


def signing_key(settings: Settings) -> bytes | None:
    """None without API keys: then everything is open, and a signature would say nothing."""
    if not settings.api_keys:
        return None
    material = settings.secret or "\n".join(sorted(settings.api_keys))
    return hashlib.sha256(b"twinspace links\0" + material.encode()).digest()


class Signer:
    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def query(self, path: str, tenant: str) -> str:
        """What to append to `path`: empty when links need no signature."""
        if self._key is None:
            return ""
        expires = (int(time.time()) // PERIOD + 2) * PERIOD
        return f"?expires={expires}&tenant={tenant}&signature={self._sign(path, tenant, expires)}"

    def accepts(self, path: str, tenant: str, expires: int, signature: str) -> bool:
        if self._key is None or expires < time.time():
            return False
        expected = self._sign(path, tenant, expires)
        return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))

    def _sign(self, path: str, tenant: str, expires: int) -> str:
        message = f"{path}\0{tenant}\0{expires}".encode()
        return hmac.new(self._key or b"", message, hashlib.sha256).hexdigest()[:40]
