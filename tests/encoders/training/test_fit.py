from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from encoders.training.fit import Fit
from encoders.training.progress import Silence, TrainingError
from encoders.training.recipe import Schedule


class Diverging:
    """Its loss is no number, and its score would be the best there is."""

    pictures = 8

    def __init__(self) -> None:
        self.model = nn.Linear(2, 2)

    def loss(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.model(torch.full((len(pictures), 2), torch.inf)).sum()

    def score(self, model: nn.Linear) -> float:
        return 1.0


def test_a_training_that_diverged_is_no_result(tmp_path: Path):
    with pytest.raises(TrainingError, match="diverged in epoch 1"):
        Fit(Diverging(), Schedule(3, 0.01, 0.0, batch=4)).run("epochs", tmp_path / "checkpoint.pt", Silence())
