"""The terms that learned text towers know: words and parts of words, from their training captions."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from encoders.base import EncoderError

_WORD = re.compile(r"[^\W\d_\u3400-\u9fff\uf900-\ufaff]+|\d+")
_HAN_RUN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+")
_WORD_GRAMS = (3, 4, 5)


def words(text: str) -> list[str]:
    """Lower-case words; of Chinese, which does not mark them, characters and pairs of characters."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return _WORD.findall(plain) + _han_grams(plain)


def words_and_parts(text: str) -> list[str]:
    """`words`, and the character n-grams of those with letters (`#` marks a word's ends).

    Parts as in Bojanowski et al. (2017): an unknown word still shares some with known ones.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    found = _WORD.findall(plain)
    return found + [gram for word in found for gram in _word_grams(word)] + _han_grams(plain)


def _word_grams(word: str) -> list[str]:
    marked = f"#{word}#"
    return [marked[i : i + n] for n in _WORD_GRAMS for i in range(len(marked) - n + 1)]


def _han_grams(text: str) -> list[str]:
    runs = _HAN_RUN.findall(text)
    return [run[i : i + n] for run in runs for n in (1, 2) for i in range(len(run) - n + 1)]


class Vocabulary:
    """Terms in order of frequency, with the number of texts that have each."""

    def __init__(self, counts: dict[str, int], documents: int) -> None:
        self.counts = counts
        self.documents = documents
        self._ids = {term: number for number, term in enumerate(counts)}

    def __len__(self) -> int:
        return len(self.counts)

    def ids(self, terms: Iterable[str]) -> list[int]:
        """Numbers of the known ones among `terms`, repeated as they are."""
        return [self._ids[term] for term in terms if term in self._ids]

    @classmethod
    def of(
        cls, texts: Iterable[str], terms_of: Callable[[str], list[str]], min_count: int, max_terms: int
    ) -> Vocabulary:
        """The commonest terms, counted once a text; equal counts in the order of the alphabet."""
        counter: Counter[str] = Counter()
        documents = 0
        for text in texts:
            counter.update(set(terms_of(text)))
            documents += 1
        ranked = sorted(counter.items(), key=lambda pair: (-pair[1], pair[0]))
        return cls({term: count for term, count in ranked[:max_terms] if count >= min_count}, documents)

    def to_json(self) -> str:
        return json.dumps({"documents": self.documents, "terms": self.counts}, ensure_ascii=False)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def read_vocabulary(file: Path) -> Vocabulary:
    """Raises `EncoderError` when the file is missing or is no vocabulary."""
    try:
        content = json.loads(file.read_bytes())
        counts = {str(term): int(count) for term, count in content["terms"].items()}
        return Vocabulary(counts, int(content["documents"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(f"{file} cannot be read as a vocabulary: {error}") from error
