"""Environment variables: everything else ignores misspelt ones without a word and takes weak secrets."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from backend.doctor.findings import Finding, warning
from backend.settings import Settings

PREFIX = "TWINSPACE_"
CLIENTS = frozenset({"TWINSPACE_URL", "TWINSPACE_API_KEY"})
"""Read by commands that talk to a server."""
SHORTEST_SECRET = 16
SECRETS = ("TWINSPACE_API_KEYS", "TWINSPACE_SECRET", "TWINSPACE_QDRANT_API_KEY")


def check(environment: Mapping[str, str]) -> Iterator[Finding]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | CLIENTS
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            yield _unknown(name, known)
    for name in SECRETS:
        secrets = [each.rpartition(":")[2].strip() for each in environment.get(name, "").split(",")]
        if any(0 < len(secret) < SHORTEST_SECRET for secret in secrets):
            yield warning(
                "settings",
                f"{name} is short enough to be guessed.",
                f"Use {SHORTEST_SECRET} random characters or more: `openssl rand -hex 24` makes some.",
            )


def _unknown(name: str, known: set[str]) -> Finding:
    close = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.8)
    remedy = f"Did you mean {close[0]}?" if close else "Unset it; the README lists all settings."
    return warning("settings", f"{name} is no setting and has no effect.", remedy)
