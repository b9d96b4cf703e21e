"""Pictures with captions, checked and split before any work is done on them.

A picture is on one side of the split with all its captions, so that nothing of a val picture is trained on.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from encoders.script import language_of
from encoders.training.progress import Listener, TrainingError

MIN_PAIRS = 200
MIN_PICTURES = 40
"""Of train and val together; at least half of both has to be in train."""
MIN_DISTINCT_CAPTIONS = 20
MIN_CAPTIONS = 50
"""Of a language, to be learned at all."""
MIN_VAL_CAPTIONS = 5
"""Of a language that is learned: without any, training could not tell when to stop."""
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
    missing: int = 0
    """Pictures that were skipped; with those that turn out broken they may be a tenth of all."""


def prepare(examples: Iterable[Example], seed: int, listener: Listener) -> Dataset:
    """Drops what is missing or empty, and splits. Raises `TrainingError` when too little is left."""
    named = [replace(example, captions=_written(example.captions)) for example in examples]
    asked_for = _of_known_splits(named, listener)
    there = [example.image.is_file() for example in asked_for]
    present = [example for example, found in zip(asked_for, there, strict=True) if found]
    missing = [
        (example.image, "there is no such file")
        for example, found in zip(asked_for, there, strict=True)
        if not found
    ]
    skip(missing, 0, len(asked_for), listener)
    usable = [example for example in present if example.captions]
    _require_enough(usable, MIN_PAIRS, MIN_PICTURES, "")
    if not any(example.split == "val" for example in usable):
        usable = _with_val(usable, range(len(usable)), seed)
        count = sum(example.split == "val" for example in usable)
        listener.say(
            f"The captions file names no val split: {count} pictures, drawn with seed {seed}, are held out."
        )
    usable = _with_val_in_each_language(usable, seed, listener)
    train = tuple(example for example in usable if example.split in ("train", None))
    _require_enough(train, MIN_PAIRS // 2, MIN_PICTURES // 2, " in train")
    return Dataset(train, tuple(example for example in usable if example.split == "val"), len(missing))


def skip(lost: Sequence[tuple[Path, str]], before: int, count: int, listener: Listener) -> None:
    """Names each picture that is lost now, and why; `before` were already, of `count`. Raises `TrainingError`
    when more than 10 % are."""
    if not lost:
        return
    verdict = f"{before + len(lost)} of {count} pictures are missing or broken"
    if before + len(lost) > MAX_BROKEN_SHARE * count:
        image, reason = lost[0]
        raise TrainingError(
            f"{verdict}, one of them is {image} ({reason}): more than {MAX_BROKEN_SHARE:.0%}, so "
            "something is wrong with the folder."
        )
    for image, reason in lost:
        listener.say(f"Skipped {image}: {reason}")
    listener.say(f"{verdict}: skipped.")


def _of_known_splits(examples: Sequence[Example], listener: Listener) -> list[Example]:
    aside = Counter(example.split for example in examples if example.split not in ("train", "val", None))
    if aside:
        counted = ", ".join(f"`{split}` ({count})" for split, count in sorted(aside.items(), key=str))
        listener.say(
            f"{aside.total()} pictures of other splits than `train` and `val` are left aside: {counted}."
        )
    return [example for example in examples if example.split not in aside]


def _written(captions: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in (" ".join(caption.split()) for caption in captions) if text)


def _require_enough(examples: Sequence[Example], min_pairs: int, min_pictures: int, where: str) -> None:
    pairs = sum(len(example.captions) for example in examples)
    if pairs < min_pairs or len(examples) < min_pictures:
        raise TrainingError(
            f"{pairs} pairs of {len(examples)} pictures{where} are too few to learn from: "
            f"at least {min_pairs} pairs of {min_pictures} pictures are needed."
        )
    distinct = len({caption for example in examples for caption in example.captions})
    if distinct < MIN_DISTINCT_CAPTIONS:
        raise TrainingError(
            f"{pairs} pairs with only {distinct} different captions cannot teach what tells pictures apart: "
            f"at least {MIN_DISTINCT_CAPTIONS} are needed."
        )


def _with_val(examples: Sequence[Example], among: Sequence[int], seed: int) -> list[Example]:
    """Moves a share of the examples with the numbers `among` to val; those without a split go to train."""
    count = max(1, min(MAX_VAL, round(VAL_SHARE * len(among))))
    chosen = set(random.Random(seed).sample(among, count))
    return [
        replace(example, split="val" if number in chosen else example.split or "train")
        for number, example in enumerate(examples)
    ]


def _with_val_in_each_language(examples: list[Example], seed: int, listener: Listener) -> list[Example]:
    """A val split that says nothing about a language would keep heads that were hardly trained in it."""
    counts = {side: _captions_by_language(examples, side) for side in ("train", "val")}
    for language, count in sorted(counts["train"].items()):
        in_val = counts["val"][language]
        if count < MIN_CAPTIONS or in_val >= MIN_VAL_CAPTIONS:
            continue
        among = [
            number
            for number, example in enumerate(examples)
            if example.split != "val" and language in map(language_of, example.captions)
        ]
        examples = _with_val(examples, among, seed)
        moved = sum(examples[number].split == "val" for number in among)
        listener.say(
            f"The val split has {in_val} captions in {language}: {moved} pictures of train, drawn with seed "
            f"{seed}, are held out as well."
        )
    return examples


def _captions_by_language(examples: Iterable[Example], side: str) -> Counter[str]:
    mine = (example for example in examples if (example.split or "train") == side)
    return Counter(language_of(text) for example in mine for text in example.captions)
