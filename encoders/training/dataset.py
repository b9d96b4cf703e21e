"""Pictures with captions, checked and split before any work is done on them.

A picture is on one side of the split with all its captions, so that nothing of a val picture is trained on.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from encoders.training.progress import Listener, TrainingError

MIN_PAIRS = 200
MIN_PICTURES = 40
MIN_DISTINCT_CAPTIONS = 20
MAX_BROKEN_SHARE = 0.10
VAL_SHARE = 0.15
MAX_VAL = 1000


@dataclass(frozen=True)
class Example:
    """One picture and all that is said of it, in any language."""

    image: Path
    captions: tuple[str, ...]
    split: str | None = None


@dataclass(frozen=True)
class Dataset:
    train: tuple[Example, ...]
    val: tuple[Example, ...]


def prepare(examples: Iterable[Example], seed: int, listener: Listener) -> Dataset:
    """Drops what is missing or empty, and splits. Raises `TrainingError` when too little is left."""
    named = [replace(example, captions=_written(example.captions)) for example in examples]
    present = without_broken(named, [not example.image.is_file() for example in named], "missing", listener)
    usable = [example for example in present if example.captions]
    _require_enough([example for example in usable if example.split in ("train", None)])
    if not any(example.split == "val" for example in usable):
        usable = _with_val(usable, seed)
        count = sum(example.split == "val" for example in usable)
        listener.say(
            f"The captions file names no val split: {count} pictures, drawn with seed {seed}, are held out."
        )
    return Dataset(
        train=tuple(example for example in usable if example.split in ("train", None)),
        val=tuple(example for example in usable if example.split == "val"),
    )


def without_broken(
    examples: Sequence[Example], broken: Sequence[bool], what: str, listener: Listener
) -> list[Example]:
    """The examples that are not broken; names and counts the others. Raises `TrainingError` above 10 %."""
    lost = [example.image.name for example, bad in zip(examples, broken, strict=True) if bad]
    if lost:
        names = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
        message = f"{len(lost)} of {len(examples)} pictures are {what} ({names})"
        if len(lost) > MAX_BROKEN_SHARE * len(examples):
            raise TrainingError(
                f"{message}: more than {MAX_BROKEN_SHARE:.0%}, so something is wrong with the folder."
            )
        listener.say(f"{message}: skipped.")
    return [example for example, bad in zip(examples, broken, strict=True) if not bad]


def _written(captions: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in (" ".join(caption.split()) for caption in captions) if text)


def _require_enough(examples: Sequence[Example]) -> None:
    pairs = sum(len(example.captions) for example in examples)
    if pairs < MIN_PAIRS or len(examples) < MIN_PICTURES:
        raise TrainingError(
            f"{pairs} pairs of {len(examples)} pictures are too few to learn from: "
            f"at least {MIN_PAIRS} pairs of {MIN_PICTURES} pictures are needed."
        )
    distinct = len({caption for example in examples for caption in example.captions})
    if distinct < MIN_DISTINCT_CAPTIONS:
        raise TrainingError(
            f"{pairs} pairs with only {distinct} different captions cannot teach what tells pictures apart: "
            f"at least {MIN_DISTINCT_CAPTIONS} are needed."
        )


def _with_val(examples: Sequence[Example], seed: int) -> list[Example]:
    count = min(MAX_VAL, round(VAL_SHARE * len(examples)))
    chosen = set(random.Random(seed).sample(range(len(examples)), count))
    return [replace(example, split="val" if i in chosen else "train") for i, example in enumerate(examples)]
