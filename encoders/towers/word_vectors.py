"""The sum of word vectors: a learned vector for every word and word part, no order, no context."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from encoders.towers.vocabulary import Vocabulary, words_and_parts

DIM = 160


class WordVectors(nn.Module):
    """`float32[n, 160]`: the sum of a text's term vectors over the square root of their number; learned."""

    name = "word-vectors"
    dim = DIM
    sentence_dim = 0

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.fingerprint = hashlib.sha256(f"{self.name}/{DIM}/{vocabulary.fingerprint}".encode()).hexdigest()
        self.vectors = nn.EmbeddingBag(len(vocabulary), DIM, mode="sum")

    def terms(self, text: str) -> list[int]:
        return self.vocabulary.ids(words_and_parts(text))

    def features(self, texts: Sequence[str]) -> Tensor:
        terms = [self.terms(text) for text in texts]
        flat = torch.tensor([number for ids in terms for number in ids], dtype=torch.long)
        return self.forward(flat, torch.tensor([len(ids) for ids in terms]))

    def forward(self, terms: Tensor, lengths: Tensor) -> Tensor:
        """`terms`: those of all texts, one after another. A text without known terms is the zero vector."""
        weights = (lengths + 1.0).rsqrt().repeat_interleave(lengths)
        summed: Tensor = self.vectors(terms, lengths.cumsum(0) - lengths, weights)
        return summed
