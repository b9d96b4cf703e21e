"""Linear maps that never change, kept in the layout that oneDNN multiplies fastest.

torch's own way for fp32 goes through MKL, which takes two to four times as long on processors of AMD.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["none", "gelu"]

# What torch.compile lowers linear maps on CPUs to; torch for some platforms comes without it.
_ONEDNN: Any = torch.ops.mkldnn if hasattr(torch.ops.mkldnn, "_linear_pointwise") else None


class FrozenLinear:
    """`x @ weight.T + bias`, then perhaps GELU, for a weight `float32[out, in]`."""

    def __init__(self, weight: Tensor, bias: Tensor, activation: Activation = "none") -> None:
        self._packed = _ONEDNN is not None and weight.device.type == "cpu"
        self.weight = _ONEDNN._reorder_linear_weight(weight.contiguous()) if self._packed else weight
        self.bias = bias
        self._activation = activation

    def to(self, device: torch.device) -> FrozenLinear:
        weight = self.weight.to_dense() if self._packed else self.weight
        return FrozenLinear(weight.to(device), self.bias.to(device), self._activation)

    def __call__(self, states: Tensor) -> Tensor:
        if self._packed:
            algorithm = "none" if self._activation == "gelu" else ""  # Of GELU: the exact one.
            mapped: Tensor = _ONEDNN._linear_pointwise(
                states, self.weight, self.bias, self._activation, [], algorithm
            )
            return mapped
        mapped = functional.linear(states, self.weight, self.bias)
        return functional.gelu(mapped) if self._activation == "gelu" else mapped


class _Frozen(nn.Module):
    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        bias = torch.zeros(linear.out_features) if linear.bias is None else linear.bias.detach()
        self._map = FrozenLinear(linear.weight.detach(), bias)

    def forward(self, states: Tensor) -> Tensor:
        return self._map(states)


def freeze_linears(module: nn.Module) -> nn.Module:
    """Puts a `FrozenLinear` in the place of each linear map; `module` cannot be trained or saved any more."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, _Frozen(child))
        else:
            freeze_linears(child)
    return module
