"""Every number of a training run in one place; the model card says which of them paid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

MIN_STEPS = 8
"""Of an epoch: with few pictures batches are smaller, down to `MIN_BATCH`."""
MIN_BATCH = 32


@dataclass(frozen=True)
class Schedule:
    epochs: int
    learning_rate: float
    weight_decay: float
    batch: int = 512
    """Pictures."""
    captions: int = 2
    """Of each picture and language in a batch."""
    averaging: float = 0.99
    """Decay of the running average of weights (Polyak and Juditsky, 1992) that is evaluated and kept."""
    patience: int = 10
    """Epochs without a better val score before training stops."""

    def for_pictures(self, count: int) -> Schedule:
        return replace(self, batch=min(self.batch, max(MIN_BATCH, count // MIN_STEPS)))


@dataclass(frozen=True)
class Recipe:
    dim: int = 512
    schedule: Schedule = field(default_factory=lambda: Schedule(40, 1e-3, 0.5))
    follow: Schedule = field(default_factory=lambda: Schedule(20, 1e-3, 0.2, captions=3, patience=15))
    """For the word vectors of a language that learns from pictures and English together, afterwards."""
    follow_sharpness: float = 0.6
    """Of its softmax, as a share of what was learned with English: fewer words told pictures less apart."""
    views: int = 5
    """Of each training picture: itself, its mirror image, then random crops."""
    image_dropout: float = 0.5
    text_dropout: float = 0.3
    image_noise: float = 0.3
    """Gaussian, in standard deviations of each feature; `text_noise` likewise."""
    text_noise: float = 0.2
    varied_captions: float = 0.3
    """Share of captions that lose some of their words."""
    hidden_terms: float = 0.2
    """Share of a caption's terms that learned text towers do not see."""
    temperature: float = 0.05
    """At the start; learned."""
    softness: float = 0.2
    """Share of the target that goes to captions alike, whatever picture they belong to."""
    hardness: float = 0.25
    """How much more the captions and pictures of others count that are hard to tell apart; 0: all alike."""
    class_names: float = 0.3
    """Weight of the losses that teach ImageNet's class names; 0 teaches none."""
    held_back_names: int = 0
    """Class names that are not taught, to measure what carries over to them."""

    def for_pictures(self, count: int) -> Recipe:
        return replace(
            self, schedule=self.schedule.for_pictures(count), follow=self.follow.for_pictures(count)
        )


FROM_SCRATCH = Recipe()
