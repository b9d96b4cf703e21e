"""Which queries are shown, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.evaluation import examples
from backend.evaluation.evaluate import LanguageEvaluation, evaluate
from backend.settings import Settings
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def evaluated(tmp_path: Path) -> LanguageEvaluation:
    """Words know red from blue; the caption of the green picture is about something else."""
    captions = {
        "red.jpg": (RED, ["red red red", "red", "a bit red"]),
        "blue.jpg": (BLUE, ["blue"]),
        "green.jpg": (GREEN, ["red or blue"]),
    }
    for name, (colour, _) in captions.items():
        (tmp_path / name).write_bytes(jpeg(colour))
    captioned = [(tmp_path / name, texts) for name, (_, texts) in captions.items()]
    return evaluate(ColourEncoder(), {"en": captioned}, Settings(), lambda _: None).languages[0]


def test_the_best_are_those_whose_answer_is_first_and_one_a_picture(evaluated: LanguageEvaluation) -> None:
    ends = examples.text_to_image(evaluated)
    assert [example.picture.name for example in ends.best] in (
        ["red.jpg", "blue.jpg"],
        ["blue.jpg", "red.jpg"],
    )
    assert all(example.rank == 1 and example.hits[0].right for example in ends.best)
    red = next(example for example in ends.best if example.picture.name == "red.jpg")
    assert red.caption == "red red red", "by the widest margin"


def test_the_worst_are_those_whose_answer_comes_late(evaluated: LanguageEvaluation) -> None:
    [worst] = examples.text_to_image(evaluated).worst
    assert (worst.picture.name, worst.caption, worst.rank) == ("green.jpg", "red or blue", 3)
    assert [hit.right for hit in worst.hits] == [False, False, True]
    scores = [hit.score for hit in worst.hits]
    assert scores == sorted(scores, reverse=True)


def test_pictures_are_shown_with_the_captions_that_they_found(evaluated: LanguageEvaluation) -> None:
    ends = examples.image_to_text(evaluated)
    red = next(example for example in ends.best if example.picture.name == "red.jpg")
    assert {hit.caption for hit in red.hits if hit.right} == {"red red red", "red", "a bit red"}
    assert red.caption == "red red red"
    for example in ends.best + ends.worst:
        assert len(example.hits) == 5
        assert example.hits[0].right == (example.rank == 1)


def test_no_end_holds_more_than_five(tmp_path: Path) -> None:
    captioned = []
    for number in range(30):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg((8 * number, 0, 255 - 8 * number), seed=number))
        captioned.append((path, ["red", "blue"]))
    evaluated = evaluate(ColourEncoder(), {"en": captioned}, Settings(), lambda _: None).languages[0]
    worst = examples.text_to_image(evaluated).worst
    assert len(worst) == 5
    assert len({example.picture for example in worst}) == 5
    assert [example.rank for example in worst] == sorted((example.rank for example in worst), reverse=True)
