"""Bag of words with TF-IDF weights (Salton and Buckley, 1988): under a linear map, the classic baseline."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from encoders.towers.vocabulary import Vocabulary, words


class TfIdf:
    """`float32[n, len(vocabulary)]`: (1 + log tf) x idf, scaled to unit length; nothing in it is learned."""

    name = "tf-idf"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.dim = self.sentence_dim = len(vocabulary)
        self.fingerprint = hashlib.sha256(f"{self.name}/{vocabulary.fingerprint}".encode()).hexdigest()
        total = 1 + vocabulary.documents
        self._idf = [math.log(total / (1 + count)) + 1 for count in vocabulary.counts.values()]

    def parameters(self) -> Iterable[Tensor]:
        return ()

    def to(self, device: torch.device) -> None:
        """Has no weights to move: counting words is the CPU's work."""

    def features(self, texts: Sequence[str]) -> Tensor:
        features = torch.zeros(len(texts), self.dim)
        for row, text in enumerate(texts):
            for number, weight in self.weights(text).items():
                features[row, number] = weight
        return features

    def weights(self, text: str) -> dict[int, float]:
        """What is not 0, by number of the term."""
        frequencies = Counter(self.vocabulary.ids(words(text)))
        weights = {number: (1 + math.log(count)) * self._idf[number] for number, count in frequencies.items()}
        length = math.hypot(*weights.values())
        return {number: weight / length for number, weight in weights.items()}
