from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import InvalidRequest
from backend.evaluation.evaluate import UNNAMED, Captioned, evaluate
from backend.settings import Settings
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
Pairs = list[tuple[Path, list[str]]]


@pytest.fixture
def captioned(tmp_path: Path) -> Pairs:
    pairs = []
    for name, colour in COLOURS.items():
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(jpeg(colour))
        pairs.append((path, [f"something {name}", f"a {name} thing"]))
    return pairs


def test_an_encoder_that_understands_finds_everything_first(captioned: Pairs) -> None:
    heard: list[int] = []
    result = evaluate(ColourEncoder(), {UNNAMED: captioned}, Settings(), heard.append)
    [only] = result.languages
    assert (len(only.pictures), len(only.captions)) == (3, 6)
    assert only.text_to_image.recall.at(1) == only.image_to_text.recall.at(1) == 1.0
    assert only.text_to_image.recall.median_rank == 1
    assert only.similarities.separation == 1
    assert sum(heard) == 9
    assert result.as_json()["text_to_image"]["recall@10"] == 1.0


def test_languages_are_measured_apart_and_the_first_is_what_plain_figures_are_about(captioned: Pairs) -> None:
    wrong = ["蓝", "红", "绿"]
    chinese = [(path, [text]) for (path, _), text in zip(captioned, wrong, strict=True)]
    heard: list[int] = []
    result = evaluate(ColourEncoder(), {"en": captioned, "zh": chinese}, Settings(), heard.append).as_json()
    assert list(result["languages"]) == ["en", "zh"]
    assert result["captions"] == 6
    assert result["text_to_image"] == result["languages"]["en"]["text_to_image"]
    assert result["text_to_image"]["recall@1"] == 1
    assert result["languages"]["zh"]["captions"] == 3
    assert result["languages"]["zh"]["text_to_image"]["recall@1"] == 0
    assert result["languages"]["zh"]["similarity"]["separation"] < 0.5
    assert sum(heard) == 3 + 6 + 3, "Each picture is encoded once."


def test_a_picture_that_lacks_a_language_is_not_searched_in_it(captioned: Pairs) -> None:
    chinese = [(captioned[0][0], ["红"]), (captioned[1][0], ["绿"])]
    result = evaluate(ColourEncoder(), {"en": captioned, "zh": chinese}, Settings(), lambda _: None)
    assert [len(one.pictures) for one in result.languages] == [3, 2]


def test_a_picture_that_is_named_twice_is_one_with_all_its_captions(captioned: Pairs) -> None:
    twice: Captioned = [*captioned, (captioned[0][0], ["more red"])]
    [only] = evaluate(ColourEncoder(), {"en": twice}, Settings(), lambda _: None).languages
    assert len(only.pictures) == 3
    assert only.captions[:3] == ["something red", "a red thing", "more red"]
    assert only.text_to_image.recall.at(1) == 1


def test_a_broken_picture_is_named_and_left_out(tmp_path: Path, captioned: Pairs) -> None:
    more = [(tmp_path / f"more{n}.jpg", ["red"]) for n in range(18)]
    for n, (path, _) in enumerate(more):
        path.write_bytes(jpeg((255, n, n), seed=n))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    pairs = [*captioned, (broken, ["blue"]), *more]
    only_broken = [(broken, ["蓝"])]
    result = evaluate(ColourEncoder(), {"en": pairs, "zh": only_broken}, Settings(), lambda _: None)
    assert [path for path, _ in result.skipped] == [broken]
    assert [one.language for one in result.languages] == ["en"]
    assert len(result.languages[0].pictures) == 21
    assert len(result.languages[0].captions) == 24


def test_too_many_broken_pictures_are_refused(captioned: Pairs) -> None:
    captioned[1][0].unlink()
    with pytest.raises(InvalidRequest, match=r"1 of 3 pictures .*green\.jpg"):
        evaluate(ColourEncoder(), {"en": captioned}, Settings(), lambda _: None)


@pytest.mark.parametrize("captioned", [{}, {"en": []}])
def test_nothing_to_measure_with_is_refused(captioned: dict[str, Captioned]) -> None:
    with pytest.raises(InvalidRequest, match="no captions"):
        evaluate(ColourEncoder(), captioned, Settings(), lambda _: None)
