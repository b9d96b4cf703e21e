from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from encoders.script import language_of
from encoders.training.dataset import Example, prepare
from encoders.training.progress import Silence, TrainingError
from tests.encoders.training.conftest import Notes


def unsplit(examples: list[Example]) -> list[Example]:
    return [replace(example, split=None) for example in examples]


def test_the_split_of_the_file_is_kept(coloured):
    dataset = prepare(coloured, 0, Silence())
    assert [example.split for example in dataset.train] == ["train"] * 64
    assert [example.image.name for example in dataset.val] == [f"{number}.png" for number in range(64, 80)]


def test_without_a_val_split_one_is_drawn_by_seed_and_said(coloured):
    notes = Notes()
    once, again, other = (prepare(unsplit(coloured), seed, notes) for seed in (1, 1, 2))
    assert once == again != other
    assert len(once.val) == 12
    assert not {e.image for e in once.val} & {e.image for e in once.train}
    assert "12 pictures, drawn with seed 1, are held out" in notes.messages[0]


def test_pictures_of_other_splits_are_left_alone(coloured):
    test = replace(coloured[0], split="test")
    dataset = prepare([test, *coloured[1:]], 0, Silence())
    assert test.image not in {example.image for example in (*dataset.train, *dataset.val)}


def test_how_many_pictures_of_which_other_splits_are_left_aside_is_said(coloured):
    notes = Notes()
    splits = ["valid"] * 3 + ["restval"]
    other = [replace(example, split=split) for example, split in zip(coloured, splits, strict=False)]
    prepare([*other, *coloured[4:]], 0, notes)
    assert notes.messages == [
        "4 pictures of other splits than `train` and `val` are left aside: `restval` (1), `valid` (3)."
    ]


def test_missing_pictures_are_named_counted_and_skipped(coloured):
    notes = Notes()
    lost = [replace(coloured[n], image=Path(f"deep/gone-{n}.jpg")) for n in range(7)]
    dataset = prepare([*lost, *coloured[7:]], 0, notes)
    assert len(dataset.train) == 57
    assert notes.messages == [
        *(f"Skipped deep/gone-{n}.jpg: there is no such file" for n in range(7)),
        "7 of 80 pictures are missing or broken: skipped.",
    ]
    assert dataset.missing == 7


def test_a_folder_where_more_than_a_tenth_is_missing_is_refused(coloured):
    lost = [replace(example, image=Path("gone.jpg")) for example in coloured[:9]]
    with pytest.raises(TrainingError, match=r"9 of 80 pictures are missing .*gone\.jpg .*more than 10%"):
        prepare([*lost, *coloured[9:]], 0, Silence())


def test_too_few_pairs_are_refused_with_the_number_that_is_needed(coloured):
    with pytest.raises(TrainingError, match=r"3 pairs of 3 pictures are too few .* at least 200 pairs of 40"):
        prepare([replace(example, captions=("a wall",)) for example in coloured[:3]], 0, Silence())


def test_one_caption_for_all_pictures_is_refused(coloured):
    same = [replace(example, captions=("a picture",) * 4) for example in coloured]
    with pytest.raises(TrainingError, match="only 1 different captions cannot teach"):
        prepare(same, 0, Silence())


def test_blank_captions_do_not_count(coloured):
    blank = [replace(example, captions=(*example.captions, " \n", "")) for example in coloured]
    assert prepare(blank, 0, Silence()) == prepare(coloured, 0, Silence())


def test_two_hundred_pairs_are_enough_with_a_val_split_of_their_own(coloured):
    some = [replace(example, captions=example.captions[:3]) for example in coloured[:67]]
    assert sum(len(example.captions) for example in some) == 201
    assert (
        len(
            prepare(
                [replace(e, split="val" if n < 14 else "train") for n, e in enumerate(some)], 0, Silence()
            ).val
        )
        == 14
    )
    few = [replace(example, split="train" if n < 15 else "val") for n, example in enumerate(coloured)]
    with pytest.raises(TrainingError, match="90 pairs of 15 pictures in train are too few"):
        prepare(few, 0, Silence())


@pytest.mark.parametrize(("in_val", "lacking"), [("en", "zh"), ("zh", "en")])
def test_a_language_that_the_val_split_lacks_is_held_out_of_train(coloured, in_val, lacking):
    def of_one_language(example: Example) -> Example:
        return replace(example, captions=tuple(t for t in example.captions if language_of(t) == in_val))

    notes = Notes()
    dataset = prepare([*coloured[:64], *map(of_one_language, coloured[64:])], 0, notes)
    assert notes.messages == [
        f"The val split has 0 captions in {lacking}: 10 pictures of train, drawn with seed 0, are held out "
        "as well."
    ]
    assert (len(dataset.train), len(dataset.val)) == (54, 26)
    assert not {e.image for e in dataset.val} & {e.image for e in dataset.train}
    assert lacking in {language_of(text) for example in dataset.val for text in example.captions}
