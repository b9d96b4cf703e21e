"""BERT's forward pass (Devlin et al., 2019) over loaded weights, and nothing else.

transformers' own spends half of the time of one short text in Python, and its import more than a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding, layer_norm, scaled_dot_product_attention

from encoders.towers.frozen_linear import FrozenLinear

EPSILON = 1e-12


@dataclass(frozen=True)
class _Norm:
    weight: Tensor
    bias: Tensor

    def to(self, device: torch.device) -> _Norm:
        return _Norm(self.weight.to(device), self.bias.to(device))


@dataclass(frozen=True)
class _Layer:
    attended: FrozenLinear
    """Queries, keys and values in one matrix."""
    mixed: FrozenLinear
    norm: _Norm
    wide: FrozenLinear
    narrow: FrozenLinear
    last_norm: _Norm

    def to(self, device: torch.device) -> _Layer:
        return _Layer(**{name: part.to(device) for name, part in vars(self).items()})


class Bert:
    """`weights`: a state dict under the names of BERT's authors, `heads` attention heads a layer."""

    def __init__(self, weights: dict[str, Tensor], heads: int) -> None:
        self._heads = heads
        self._words = weights["embeddings.word_embeddings.weight"]
        first_segment = weights["embeddings.token_type_embeddings.weight"][0]
        self._positions = weights["embeddings.position_embeddings.weight"] + first_segment
        self._norm = _Norm(*_pair(weights, "embeddings.LayerNorm"))
        count = len({name.split(".")[2] for name in weights if name.startswith("encoder.layer.")})
        self._layers = [_layer(weights, f"encoder.layer.{number}") for number in range(count)]

    def parameters(self) -> Iterable[Tensor]:
        yield from (self._words, self._positions, self._norm.weight, self._norm.bias)
        for layer in self._layers:
            for part in vars(layer).values():
                yield from (part.weight, part.bias)

    def to(self, device: torch.device) -> None:
        self._words, self._positions = self._words.to(device), self._positions.to(device)
        self._norm = self._norm.to(device)
        self._layers = [layer.to(device) for layer in self._layers]

    def hidden_states(self, tokens: Tensor, mask: Tensor) -> list[Tensor]:
        """`[n, length, width]` after the embeddings and after each layer; `mask` is 0 for padding, else 1."""
        seen = None if bool(mask.all()) else mask.bool()[:, None, None, :]
        states = embedding(tokens, self._words) + self._positions[: tokens.shape[1]]
        found = [_normed(states, self._norm)]
        for layer in self._layers:
            found.append(self._through(layer, found[-1], seen))
        return found

    def _through(self, layer: _Layer, states: Tensor, seen: Tensor | None) -> Tensor:
        attended = layer.attended(states).reshape(*states.shape[:2], 3, self._heads, -1)
        queries, keys, values = attended.permute(2, 0, 3, 1, 4)
        context = scaled_dot_product_attention(queries, keys, values, attn_mask=seen)
        states = _normed(states + layer.mixed(context.transpose(1, 2).flatten(2)), layer.norm)
        return _normed(states + layer.narrow(layer.wide(states)), layer.last_norm)


def _pair(weights: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _layer(weights: dict[str, Tensor], name: str) -> _Layer:
    parts = [_pair(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    stacked = [torch.cat(tensors) for tensors in zip(*parts, strict=True)]
    return _Layer(
        attended=FrozenLinear(stacked[0], stacked[1]),
        mixed=FrozenLinear(*_pair(weights, f"{name}.attention.output.dense")),
        norm=_Norm(*_pair(weights, f"{name}.attention.output.LayerNorm")),
        wide=FrozenLinear(*_pair(weights, f"{name}.intermediate.dense"), activation="gelu"),
        narrow=FrozenLinear(*_pair(weights, f"{name}.output.dense")),
        last_norm=_Norm(*_pair(weights, f"{name}.output.LayerNorm")),
    )


def _normed(states: Tensor, norm: _Norm) -> Tensor:
    return layer_norm(states, norm.weight.shape, norm.weight, norm.bias, EPSILON)
