"""A tower is halved only where its vectors stay what they were."""

from __future__ import annotations

import torch
from torch import nn

from encoders.precision import halve_where_faithful


def test_faithful_tower_is_halved() -> None:
    torch.manual_seed(0)
    tower = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 32))
    inputs = torch.randn(8, 64)
    with torch.inference_mode():
        halve_where_faithful([tower], lambda: tower(inputs.to(tower[0].weight.dtype)))
    assert {parameter.dtype for parameter in tower.parameters()} == {torch.bfloat16}


def test_tower_that_rounding_would_change_stays_exactly_as_it_was() -> None:
    """Large weights that cancel out: what is left of them is less than bfloat16 can tell."""
    tower = nn.Linear(2, 2)
    with torch.no_grad():
        tower.weight.copy_(torch.tensor([[1000.5, -1000.0], [-1000.0, 1000.7]]))
        tower.bias.zero_()
    before = {name: tensor.clone() for name, tensor in tower.state_dict().items()}
    inputs = torch.ones(3, 2)
    with torch.inference_mode():
        halve_where_faithful([tower], lambda: tower(inputs.to(tower.weight.dtype)))
    for name, tensor in tower.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name])


def test_tower_whose_halved_vectors_are_no_numbers_stays_as_it_was() -> None:
    tower = nn.Linear(2, 2)

    def probe() -> torch.Tensor:
        outputs = tower(torch.ones(1, 2, dtype=tower.weight.dtype)).detach()
        return outputs * torch.nan if tower.weight.dtype == torch.bfloat16 else outputs

    halve_where_faithful([tower], probe)
    assert tower.weight.dtype == torch.float32
