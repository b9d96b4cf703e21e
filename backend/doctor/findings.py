"""What an examination says: of one part, how it is, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """A `problem` keeps something from working now; a `warning` will, or weakens something."""

    part: str
    level: Level
    what: str
    remedy: str | None = None


def ok(part: str, what: str) -> Finding:
    return Finding(part, "ok", what)


def warning(part: str, what: str, remedy: str) -> Finding:
    return Finding(part, "warning", what, remedy)


def problem(part: str, what: str, remedy: str) -> Finding:
    return Finding(part, "problem", what, remedy)
