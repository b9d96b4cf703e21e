"""Which language a text is in, told by its script: the text towers of one encoder divide texts by it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

CHINESE = "zh"
ENGLISH = "en"

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")
_LATIN_RUN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f0-9 '’-]*")
HAN_PER_WORD = 2
"""About as many Chinese characters as make a word: weighs the halves of a text in two scripts."""


@dataclass(frozen=True)
class Part:
    """A stretch of a text in one language, and how much of the text it is."""

    language: str
    text: str
    weight: float


def language_of(text: str) -> str:
    """`zh` for a text with a Chinese character in it, `en` for every other."""
    return CHINESE if _HAN_CHARACTER.search(text) else ENGLISH


def parts_of(text: str, languages: Collection[str]) -> list[Part]:
    """Divides a text among the languages that are there; one that mixes scripts yields a part for each.

    A single Latin letter ("T恤") belongs to the Chinese around it. An only language gets everything.
    """
    text = unicodedata.normalize("NFKC", text)  # Chinese keyboards also write Latin letters in wide forms.
    if len(languages) == 1:
        return [Part(next(iter(languages)), text, 1.0)]
    characters = len(_HAN_CHARACTER.findall(text))
    words = len(_LATIN_WORD.findall(text))
    if not characters:
        return [Part(ENGLISH, text, 1.0)]
    if not words:
        return [Part(CHINESE, text, 1.0)]
    return [
        Part(CHINESE, _LATIN_RUN.sub(" ", text), characters / HAN_PER_WORD),
        Part(ENGLISH, " ".join(_LATIN_RUN.findall(text)), float(words)),
    ]
