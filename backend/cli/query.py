"""From the options of `twinspace search` to the request that the API takes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

# What other languages write for equality and its opposite is not taken for a key or a value with such a sign.
CONDITION = re.compile(
    r"(?P<key>[^<>=]+?)\s*(?:(?P<sign>>=|<=|>|<|(?<!!)=(?!=))\s*(?P<value>.*))?", re.DOTALL
)
BOUNDS = {">=": "gte", ">": "gt", "<=": "lte", "<": "lt"}


@dataclass
class Parts:
    """The parts of a query and the pictures they refer to."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)

    def add_words(self, texts: Iterable[str], weight: float = 1.0) -> None:
        self._add(({"text": text} for text in texts), weight)

    def add_items(self, ids: Iterable[str], weight: float = 1.0) -> None:
        self._add(({"item": id} for id in ids), weight)

    def add_pictures(self, files: Sequence[Path], weight: float = 1.0) -> None:
        first = len(self.pictures)
        self.pictures += files
        self._add(({"file": first + n} for n in range(len(files))), weight)

    def _add(self, parts: Iterable[dict[str, Any]], weight: float) -> None:
        self.parts += [part if weight == 1 else {**part, "weight": weight} for part in parts]


def conditions(given: Iterable[str]) -> dict[str, Any]:
    """`filter.metadata`: `key=value` asks for equality, `key>=1` and the like for a range, `key` alone
    for being there. Several bounds of one key make one range."""
    metadata: dict[str, Any] = {}
    for text in given:
        match = CONDITION.fullmatch(text.strip())
        if match is None:
            raise typer.BadParameter(f"`{text}` is no condition: write key=value, key>=1, key<5 or key.")
        key, sign, value = match["key"], match["sign"], match["value"]
        if sign is None:
            _range(metadata, key, text)["exists"] = True
        elif sign == "=":
            if key in metadata:
                raise typer.BadParameter(f"There are two conditions on `{key}` that exclude each other.")
            metadata[key] = _scalar(value)
        else:
            _range(metadata, key, text)[BOUNDS[sign]] = _scalar(value)
    return metadata


def _range(metadata: dict[str, Any], key: str, text: str) -> dict[str, Any]:
    bounds = metadata.setdefault(key, {})
    if not isinstance(bounds, dict):
        raise typer.BadParameter(f"`{text}`: there is an equality on `{key}` already.")
    return bounds


def _scalar(value: str) -> str | int | float | bool:
    """As JSON would read it, if that is a finite number, true or false; else the text. Quotes make it a
    text."""
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        return value
    if isinstance(read, float) and not math.isfinite(read):  # `json` takes NaN, and 1e400 for infinity.
        return value
    return read if isinstance(read, str | int | float | bool) else value
