"""The training loop: batches of pictures until the val score no longer grows, whatever the objective."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from encoders.training.progress import Listener, TrainingError
from encoders.training.recipe import Schedule

WARM_UP_STEPS = 50
SECONDS_BETWEEN_CHECKPOINTS = 5.0
EMBEDDING_DECAY = 0.05
EMBEDDING_RATE = 0.3


Model = TypeVar("Model", bound=nn.Module)


class Objective(Protocol[Model]):
    @property
    def model(self) -> Model: ...

    @property
    def pictures(self) -> int:
        """How many there are to train on."""
        ...

    def loss(self, pictures: Tensor) -> Tensor:
        """Of `model` on a batch: ascending numbers of pictures."""
        ...

    def score(self, model: Model) -> float:
        """On the val split; higher is better."""
        ...


class Fit(Generic[Model]):
    """A run that can stop after any epoch and go on from its checkpoint as if it had not."""

    def __init__(self, objective: Objective[Model], schedule: Schedule) -> None:
        self.averaged = copy.deepcopy(objective.model).eval()
        self.best_score = -1.0
        self.best_epoch = 0
        self.epoch = 0
        self._best = copy.deepcopy(self.averaged.state_dict())
        self._objective, self._schedule = objective, schedule
        groups = _decay_groups(objective.model, schedule.weight_decay)
        self._optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate, betas=(0.9, 0.98))
        self._batches = max(1, objective.pictures // schedule.batch)
        self._step = 0
        self._saved = time.monotonic()

    def run(self, stage: str, checkpoint: Path, listener: Listener) -> Model:
        """The averaged model of the best epoch. Goes on from `checkpoint` if there is one.

        Raises `TrainingError` when the weights are no numbers any more.
        """
        if checkpoint.exists():
            self._resume(checkpoint)
            listener.say(f"{stage}: going on after epoch {self.epoch} of an interrupted training.")
        while self.epoch < self._schedule.epochs and self.epoch - self.best_epoch < self._schedule.patience:
            self._train_epoch()
            self.epoch += 1
            if not all(weights.isfinite().all() for weights in self.averaged.parameters()):
                raise TrainingError(
                    f"Training diverged in epoch {self.epoch}: it cannot learn from these features."
                )
            score = self._objective.score(self.averaged)
            if score > self.best_score:
                self.best_score, self.best_epoch = score, self.epoch
                self._best = copy.deepcopy(self.averaged.state_dict())
            self._save_now_and_then(checkpoint)
            listener.advance(f"{stage} (val {self.best_score:.3f})", self.epoch, self._schedule.epochs)
        self.averaged.load_state_dict(self._best)
        return self.averaged

    def _train_epoch(self) -> None:
        model = self._objective.model.train()
        order = torch.randperm(self._objective.pictures)
        for number in range(self._batches):
            batch = order[number * self._schedule.batch : (number + 1) * self._schedule.batch]
            for group in self._optimiser.param_groups:
                group["lr"] = group["factor"] * self._learning_rate()
            self._optimiser.zero_grad()
            self._objective.loss(batch.sort().values).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            self._optimiser.step()
            self._step += 1
            self._average(model)

    def _learning_rate(self) -> float:
        steps = self._schedule.epochs * self._batches
        warm = min(1.0, (self._step + 1) / min(WARM_UP_STEPS, max(1, steps // 10)))
        return self._schedule.learning_rate * warm * (0.505 + 0.495 * math.cos(math.pi * self._step / steps))

    @torch.no_grad()
    def _average(self, model: Model) -> None:
        decay = min(self._schedule.averaging, self._step / (self._step + 10))
        for average, current in zip(self.averaged.parameters(), model.parameters(), strict=True):
            average.lerp_(current, 1 - decay)

    def _save_now_and_then(self, file: Path) -> None:
        """Not after every epoch: a checkpoint is ten times the heads, a small epoch takes no time."""
        if time.monotonic() - self._saved >= SECONDS_BETWEEN_CHECKPOINTS:
            self._save(file)
            self._saved = time.monotonic()

    def _save(self, file: Path) -> None:
        state = {
            "model": self._objective.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "random on GPUs": torch.cuda.get_rng_state_all(),
            "numbers": [self.best_score, self.best_epoch, self.epoch, self._step],
        }
        partial = file.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(file)

    def _resume(self, file: Path) -> None:
        # On the CPU first, so that a run that began on a GPU goes on without one.
        state: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu")
        self._objective.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self._best = state["best"]
        self._optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
        if len(state["random on GPUs"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["random on GPUs"])
        self.best_score, self.best_epoch, self.epoch, self._step = state["numbers"]


def _decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay, term vectors little and slowly; biases, norms and the temperature do not."""
    vectors = {id(bag.weight) for bag in model.modules() if isinstance(bag, nn.EmbeddingBag)}
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.ndim > 1 and id(p) not in vectors]
    return [
        {"params": matrices, "weight_decay": weight_decay, "factor": 1.0},
        {
            "params": [p for p in parameters if id(p) in vectors],
            "weight_decay": EMBEDDING_DECAY,
            "factor": EMBEDDING_RATE,
        },
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0, "factor": 1.0},
    ]
