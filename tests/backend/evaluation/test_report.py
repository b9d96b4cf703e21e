"""The report is one file that says what was measured, asks nobody for anything and believes no caption."""

from __future__ import annotations

import base64
import io
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from backend.evaluation.evaluate import UNNAMED, Evaluation, evaluate
from backend.evaluation.report import render, write_report
from backend.settings import Settings
from tests.support.encoders import ColourEncoder
from tests.support.pictures import encoded, jpeg, picture

MAX_PIXELS = Settings().max_image_pixels
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
EVIL = '<script>alert("1")</script> & <img src=x onerror=alert(1)> red'


class Page(HTMLParser):
    """Its elements, and its text as people read it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def measured(tmp_path: Path, captions: dict[str, list[str]], language: str = "en") -> Evaluation:
    captioned = []
    for number, (name, texts) in enumerate(captions.items()):
        path = tmp_path / name
        path.write_bytes(jpeg((RED, GREEN, BLUE)[number % 3], seed=number))
        captioned.append((path, texts))
    return evaluate(ColourEncoder(), {language: captioned}, Settings(), lambda _: None)


@pytest.fixture
def evaluation(tmp_path: Path) -> Evaluation:
    return measured(tmp_path, {'<b>&".jpg': [EVIL, "red"], "b.jpg": ["green"], "c.jpg": ["red, not blue"]})


def test_captions_and_names_are_text_whatever_is_in_them(evaluation: Evaluation) -> None:
    page = Page(render(evaluation, MAX_PIXELS))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "b", "iframe", "link", "object", "form"}
    assert EVIL in page.text
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert '<b>&".jpg' in [attributes.get("alt") for tag, attributes in page.elements if tag == "img"]


def test_it_asks_nobody_for_anything(evaluation: Evaluation) -> None:
    html = render(evaluation, MAX_PIXELS)
    page = Page(html)
    links = {name: value for _, attributes in page.elements for name, value in attributes.items()}
    assert "href" not in links
    sources = [attributes["src"] for tag, attributes in page.elements if tag == "img"]
    assert sources
    assert all(str(source).startswith("data:image/webp;base64,") for source in sources)
    assert "url(" not in html
    assert "@import" not in html
    policy = [a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_it_says_what_was_measured(evaluation: Evaluation) -> None:
    text = Page(render(evaluation, MAX_PIXELS)).text
    assert evaluation.space.name in text
    assert evaluation.space.fingerprint in text
    for direction in (evaluation.languages[0].text_to_image, evaluation.languages[0].image_to_text):
        low, high = direction.recall.interval(1)
        assert f"{direction.recall.at(1):.3f} {low:.3f} – {high:.3f}" in text
    assert "“red, not blue”".strip("“”") in text


def test_pictures_are_thumbnails(tmp_path: Path) -> None:
    evaluation = measured(tmp_path, {"a.jpg": ["red"], "b.png": ["green"]})
    (tmp_path / "b.png").write_bytes(encoded(picture(GREEN, (1600, 800)), "PNG"))
    page = Page(render(evaluation, MAX_PIXELS))
    sources = {a["alt"]: str(a["src"]) for tag, a in page.elements if tag == "img"}
    image = Image.open(io.BytesIO(base64.b64decode(sources["b.png"].partition(",")[2])))
    assert (image.format, image.size) == ("WEBP", (200, 100))


def test_a_picture_that_has_gone_leaves_a_gap(tmp_path: Path, evaluation: Evaluation) -> None:
    (tmp_path / "b.jpg").unlink()
    (tmp_path / "c.jpg").write_bytes(b"no picture any more")
    assert "cannot be read any more" in Page(render(evaluation, MAX_PIXELS)).text


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    files = {f"{number}.jpg": ["red"] for number in range(12)}
    evaluation = measured(tmp_path, files)
    evaluation.skipped.append((tmp_path / "<i>broken.jpg", "The file is empty."))
    text = Page(render(evaluation, MAX_PIXELS)).text
    assert "<i>broken.jpg: The file is empty." in text


@pytest.mark.parametrize("captions", [{"a.jpg": ["red"]}, {"a.jpg": ["red"], "b.jpg": ["green"]}])
def test_few_and_perfect_pictures_are_enough(tmp_path: Path, captions: dict[str, list[str]]) -> None:
    text = Page(render(measured(tmp_path, captions, UNNAMED), MAX_PIXELS)).text
    assert "None: every caption found its picture first." in text
    assert "in 100.0 % of" in text.replace("\xa0", " ")


def test_languages_stand_beside_each_other(tmp_path: Path) -> None:
    paths = []
    for number, colour in enumerate((RED, GREEN)):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(jpeg(colour))
    captioned = {
        "en": [(paths[0], ["red"]), (paths[1], ["green"])],
        "zh": [(paths[0], ["绿"]), (paths[1], ["红"])],
    }
    page = Page(render(evaluate(ColourEncoder(), captioned, Settings(), lambda _: None), MAX_PIXELS))
    assert "Words in English to pictures" in page.text
    assert "Words in Chinese to pictures" in page.text
    quoted = {(a.get("lang")) for tag, a in page.elements if tag == "blockquote"}
    assert quoted == {"en", "zh"}


def test_a_file_name_that_is_no_text_is_written_as_far_as_it_is(tmp_path: Path) -> None:
    evaluation = measured(tmp_path, {os.fsdecode(b"caf\xe9.jpg"): ["red"]})
    file = tmp_path / "report.html"
    write_report(evaluation, file, MAX_PIXELS)
    assert 'alt="caf?.jpg"' in file.read_text(encoding="utf-8")


def test_a_report_of_many_pictures_stays_small(tmp_path: Path) -> None:
    captions = {f"{number}.jpg": ["red", "green", "blue"] for number in range(200)}
    assert len(render(measured(tmp_path, captions), MAX_PIXELS)) < 2_000_000
