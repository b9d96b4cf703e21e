from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

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


def test_missing_pictures_are_named_counted_and_skipped(coloured):
    notes = Notes()
    lost = [replace(coloured[n], image=Path(f"gone-{n}.jpg")) for n in range(3)]
    dataset = prepare([*lost, *coloured[3:]], 0, notes)
    assert len(dataset.train) == 61
    assert notes.messages == ["3 of 80 pictures are missing (gone-0.jpg, gone-1.jpg, gone-2.jpg): skipped."]


def test_a_folder_where_more_than_a_tenth_is_missing_is_refused(coloured):
    lost = [replace(example, image=Path("gone.jpg")) for example in coloured[:9]]
    with pytest.raises(TrainingError, match=r"9 of 80 pictures are missing .*more than 10%"):
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
