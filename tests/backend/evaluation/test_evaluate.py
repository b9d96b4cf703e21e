from __future__ import annotations

from pathlib import Path

import pytest

from backend.errors import InvalidRequest
from backend.evaluation.evaluate import evaluate
from backend.settings import Settings
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def captioned(tmp_path: Path) -> list[tuple[Path, list[str]]]:
    pairs = []
    for name, colour in COLOURS.items():
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(jpeg(colour))
        pairs.append((path, [f"something {name}", f"a {name} thing"]))
    return pairs


def test_an_encoder_that_understands_finds_everything_first(captioned: list[tuple[Path, list[str]]]) -> None:
    heard: list[int] = []
    result = evaluate(ColourEncoder(), captioned, Settings(), heard.append)
    assert (result.images, result.captions) == (3, 6)
    assert result.text_to_image.at_1 == result.image_to_text.at_1 == 1.0
    assert result.text_to_image.median_rank == 1
    assert sum(heard) == 9
    assert result.as_json()["text_to_image"]["recall@10"] == 1.0


def test_a_broken_picture_is_named_and_left_out(
    tmp_path: Path, captioned: list[tuple[Path, list[str]]]
) -> None:
    more = [(tmp_path / f"more{n}.jpg", ["red"]) for n in range(18)]
    for n, (path, _) in enumerate(more):
        path.write_bytes(jpeg((255, n, n), seed=n))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    result = evaluate(ColourEncoder(), [*captioned, (broken, ["blue"]), *more], Settings(), lambda _: None)
    assert [path for path, _ in result.skipped] == [broken]
    assert result.images == 21
    assert result.captions == 24


def test_too_many_broken_pictures_are_refused(captioned: list[tuple[Path, list[str]]]) -> None:
    captioned[1][0].unlink()
    with pytest.raises(InvalidRequest, match=r"1 of 3 pictures .*green\.jpg"):
        evaluate(ColourEncoder(), captioned, Settings(), lambda _: None)
