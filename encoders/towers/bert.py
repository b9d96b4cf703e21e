"""BERT's forward pass (Devlin et al., 2019) over loaded weights, and nothing else.

transformers' own spends half of the time of one short text in Python, and its import more than a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding, gelu, layer_norm, linear, scaled_dot_product_attention

EPSILON = 1e-12


@dataclass(frozen=True)
class _Affine:
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class _Layer:
    attended: _Affine
    """Queries, keys and values in one matrix."""
    mixed: _Affine
    norm: _Affine
    wide: _Affine
    narrow: _Affine
    last_norm: _Affine


class Bert:
    """`weights`: a state dict under the names of BERT's authors, `heads` attention heads a layer."""

    def __init__(self, weights: dict[str, Tensor], heads: int) -> None:
        self._heads = heads
        self._words = weights["embeddings.word_embeddings.weight"]
        first_segment = weights["embeddings.token_type_embeddings.weight"][0]
        self._positions = weights["embeddings.position_embeddings.weight"] + first_segment
        self._norm = _affine(weights, "embeddings.LayerNorm")
        count = len({name.split(".")[2] for name in weights if name.startswith("encoder.layer.")})
        self._layers = [_layer(weights, f"encoder.layer.{number}") for number in range(count)]

    def parameters(self) -> Iterable[Tensor]:
        yield from (self._words, self._positions, self._norm.weight, self._norm.bias)
        for layer in self._layers:
            for affine in vars(layer).values():
                yield from (affine.weight, affine.bias)

    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """`[n, length, width]` after the embeddings and after each layer; `mask` is 0 for padding, else 1."""
        seen = None if bool(mask.all()) else mask.bool()[:, None, None, :]
        states = embedding(tokens, self._words) + self._positions[: tokens.shape[1]]
        found = [_normed(states, self._norm)]
        for layer in self._layers:
            found.append(self._through(layer, found[-1], seen))
        return found

    def _through(self, layer: _Layer, states: Tensor, seen: Tensor | None) -> Tensor:
        attended = _applied(states, layer.attended).reshape(*states.shape[:2], 3, self._heads, -1)
        queries, keys, values = attended.permute(2, 0, 3, 1, 4)
        context = scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        mixed = _applied(context.transpose(1, 2).flatten(2), layer.mixed)
        states = _normed(states + mixed, layer.norm)
        narrow = _applied(gelu(_applied(states, layer.wide)), layer.narrow)
        return _normed(states + narrow, layer.last_norm)


def _affine(weights: dict[str, Tensor], name: str) -> _Affine:
    return _Affine(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _layer(weights: dict[str, Tensor], name: str) -> _Layer:
    parts = [_affine(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return _Layer(
        attended=_Affine(
            torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
        ),
        mixed=_affine(weights, f"{name}.attention.output.dense"),
        norm=_affine(weights, f"{name}.attention.output.LayerNorm"),
        wide=_affine(weights, f"{name}.intermediate.dense"),
        narrow=_affine(weights, f"{name}.output.dense"),
        last_norm=_affine(weights, f"{name}.output.LayerNorm"),
    )


def _applied(states: Tensor, affine: _Affine) -> Tensor:
    return linear(states, affine.weight, affine.bias)


def _normed(states: Tensor, norm: _Affine) -> Tensor:
    return layer_norm(states, norm.weight.shape, norm.weight, norm.bias, EPSILON)
