"""The captions of one language as training sees them: whose they are, and what a tower is fed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from encoders.script import language_of
from encoders.training.dataset import Example


@dataclass(frozen=True)
class Captions:
    """All captions in one language, in order of their pictures."""

    texts: tuple[str, ...]
    owners: Tensor
    """`int64[len(texts)]`: number of the picture of each; ascending."""

    def sample(self, pictures: Tensor, count: int) -> Tensor:
        """Numbers of `count` random captions of each picture that has any; repeated where it has fewer."""
        first = torch.searchsorted(self.owners, pictures)
        number = torch.searchsorted(self.owners, pictures, right=True) - first
        first, number = first[number > 0, None], number[number > 0, None]
        start = (torch.rand(len(first), 1) * number).long()
        return (first + (start + torch.arange(count)) % number).flatten()


def by_language(examples: Sequence[Example]) -> dict[str, Captions]:
    """Divides captions by the language they are written in; owners number the examples."""
    found: dict[str, list[tuple[int, str]]] = {}
    for owner, example in enumerate(examples):
        for text in example.captions:
            found.setdefault(language_of(text), []).append((owner, text))
    return {
        language: Captions(tuple(text for _, text in pairs), torch.tensor([owner for owner, _ in pairs]))
        for language, pairs in sorted(found.items())
    }


class Inputs(Protocol):
    """Texts by number, as a tower or a head reads them."""

    def __call__(self, numbers: Tensor, varied: float = 0.0) -> tuple[Tensor, ...]:
        """`varied`: the share of texts, or of their terms, that is altered: training only."""
        ...

    def sentences(self, numbers: Tensor, /) -> Tensor | None:
        """Unit vectors whose cosine tells how alike the texts are, where the tower has such."""
        ...


class FrozenInputs:
    """Under a tower that does not learn: features `float16[variants, n, dim]`, variant 0 as written."""

    def __init__(self, features: Tensor, sentence_dim: int) -> None:
        self.features = features
        self._sentence_dim = sentence_dim

    def __call__(self, numbers: Tensor, varied: float = 0.0) -> tuple[Tensor, ...]:
        chosen = _variants(len(self.features), len(numbers), varied)
        device = self.features.device
        return (self.features[chosen.to(device), numbers.to(device)].float(),)

    def sentences(self, numbers: Tensor) -> Tensor | None:
        if not self._sentence_dim:
            return None
        vectors = self.features[0, numbers.to(self.features.device), : self._sentence_dim]
        return functional.normalize(vectors.float(), dim=1)


class SparseInputs:
    """Under TF-IDF: weights by term of each variant of each text. Only what is asked for is made dense."""

    def __init__(
        self, variants: Sequence[Sequence[Mapping[int, float]]], dim: int, device: torch.device
    ) -> None:
        texts = [weights for variant in variants for weights in variant]
        self._terms = _Lists(list(map(list, texts)))
        self._weights = torch.tensor([weight for weights in texts for weight in weights.values()])
        self._variants, self._count = len(variants), len(variants[0])
        self._dim, self._device = dim, device

    def __call__(self, numbers: Tensor, varied: float = 0.0) -> tuple[Tensor, ...]:
        return (self._dense(_variants(self._variants, len(numbers), varied) * self._count + numbers),)

    def sentences(self, numbers: Tensor) -> Tensor:
        return self._dense(numbers)

    def _dense(self, numbers: Tensor) -> Tensor:
        row, place = self._terms.places(numbers)
        features = torch.zeros(len(numbers), self._dim)
        features[row, self._terms.flat[place]] = self._weights[place]
        return features.to(self._device)


class TermInputs:
    """Under a tower that learns: the terms of each text as `(flat, lengths)`, some hidden in training."""

    def __init__(self, terms: Sequence[Sequence[int]], device: torch.device) -> None:
        self._terms = _Lists(terms)
        self.flat, self.lengths = self._terms.flat, self._terms.lengths
        self._device = device

    def __call__(self, numbers: Tensor, varied: float = 0.0) -> tuple[Tensor, ...]:
        row, place = self._terms.places(numbers)
        terms, lengths = self.flat[place], self.lengths[numbers]
        if varied:
            kept = torch.rand(len(terms)) >= varied
            terms, lengths = terms[kept], torch.bincount(row[kept], minlength=len(numbers))
        return terms.to(self._device), lengths.to(self._device)

    def sentences(self, _: Tensor) -> None:
        return None


class _Lists:
    """Lists of different lengths, one after another in `flat`."""

    def __init__(self, lists: Sequence[Sequence[int]]) -> None:
        self.flat = torch.tensor([number for numbers in lists for number in numbers], dtype=torch.long)
        self.lengths = torch.tensor([len(numbers) for numbers in lists])
        self._starts = self.lengths.cumsum(0) - self.lengths

    def places(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Of the lists with these numbers, element by element: which of them it is in, where in `flat`."""
        lengths = self.lengths[numbers]
        row = torch.arange(len(numbers)).repeat_interleave(lengths)
        within = torch.arange(len(row)) - (lengths.cumsum(0) - lengths)[row]
        return row, self._starts[numbers][row] + within


def _variants(variants: int, count: int, varied: float) -> Tensor:
    """Which variant of each of `count` texts: the share `varied` is not 0, which is as written."""
    if not varied or variants < 2:
        return torch.zeros(count, dtype=torch.long)
    return torch.randint(1, variants, (count,)) * (torch.rand(count) < varied)
