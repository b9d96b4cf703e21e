from __future__ import annotations

import json
from pathlib import Path

import pytest

import encoders.loading
from encoders.base import EncoderError
from tests.backend.cli.conftest import COLOURS, Cli
from tests.support.encoders import ColourEncoder


@pytest.fixture(autouse=True)
def quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ColourEncoder:
        if name != "colour":
            raise EncoderError(f"There is no encoder {name}.")
        return ColourEncoder()

    monkeypatch.setattr(encoders.loading, "load_encoder", load)


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    file = tmp_path / "captions.json"
    entries = [
        {
            "image": f"{'deeper/' * (name == 'blue')}{name}.jpg",
            "split": "val",
            "en": [f"so {name}"],
            "zh": ["绿"],
        }
        for name in COLOURS
    ]
    file.write_text(json.dumps([*entries, {"image": "missing.jpg", "split": "train", "en": ["x"]}]))
    return file


def test_it_prints_recall_in_both_directions(cli: Cli, pictures: Path, captions: Path) -> None:
    result = cli("eval", "--images", pictures, "--captions", captions, "--encoder", "colour")
    assert result.code == 0, result.err
    english, chinese = result.out.split("zh: ")
    assert "en: 3 pictures, 3 captions" in english
    assert english.count("1.000") == 6
    assert chinese.count("1.000") < 6


def test_json_names_the_space_and_every_figure(cli: Cli, pictures: Path, captions: Path) -> None:
    command = ("eval", "--images", pictures, "--captions", captions, "--encoder", "colour", "--json")
    result = cli(*command, "--language", "zh").json
    assert result["space"].startswith("colour-")
    # All captions are the same: whatever they find first is right for one of three.
    assert result["text_to_image"]["recall@1"] == pytest.approx(1 / 3)
    assert result["text_to_image"]["median_rank"] == 2
    assert result["image_to_text"]["queries"] == 3
    assert list(result["languages"]) == ["zh"]
    low, high = result["text_to_image"]["intervals"]["recall@1"]
    assert 0 <= low < 1 / 3 < high <= 1


def test_each_language_of_a_file_is_measured(cli: Cli, pictures: Path, captions: Path) -> None:
    command = ("eval", "--images", pictures, "--captions", captions, "--encoder", "colour", "--json")
    result = cli(*command).json
    assert list(result["languages"]) == ["en", "zh"]
    assert result["text_to_image"] == result["languages"]["en"]["text_to_image"]
    assert result["text_to_image"]["recall@1"] == 1


def test_blank_captions_are_no_queries(cli: Cli, pictures: Path, tmp_path: Path) -> None:
    entries = [
        {"image": f"{'deeper/' * (name == 'blue')}{name}.jpg", "en": [f"so {name}", "", " "], "zh": [""]}
        for name in COLOURS
    ]
    (tmp_path / "some-blank.json").write_text(json.dumps(entries))
    command = ("eval", "--images", pictures, "--encoder", "colour", "--json", "--captions")
    result = cli(*command, tmp_path / "some-blank.json").json
    assert list(result["languages"]) == ["en"]
    assert result["text_to_image"]["queries"] == 3
    assert result["text_to_image"]["recall@1"] == 1


def test_a_report_is_written_beside_the_figures(
    cli: Cli, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    command = ("eval", "--images", pictures, "--captions", captions, "--encoder", "colour")
    result = cli(*command, "--report", tmp_path / "out.html", "--json")
    assert result.json["images"] == 3
    html = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert result.json["space"] in html
    assert "so green" in html


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_measured(
    cli: Cli, pictures: Path, captions: Path, tmp_path: Path
) -> None:
    command = ("eval", "--images", pictures, "--captions", captions, "--encoder", "none")
    nowhere = cli(*command, "--report", tmp_path / "nowhere" / "out.html")
    assert (nowhere.code, nowhere.err) == (1, f"Error: There is no folder for {tmp_path}/nowhere/out.html.\n")
    folder = cli(*command, "--report", tmp_path)
    assert folder.code == 2
    assert "is a directory" in folder.err


def test_an_encoder_that_cannot_be_loaded_takes_one_line(cli: Cli, pictures: Path, captions: Path) -> None:
    result = cli("eval", "--images", pictures, "--captions", captions, "--encoder", "none")
    assert result.code == 1
    assert result.err == "Error: There is no encoder none.\n"


def test_pictures_that_are_missing_are_refused(cli: Cli, pictures: Path, captions: Path) -> None:
    command = ("eval", "--images", pictures, "--captions", captions, "--encoder", "colour")
    result = cli(*command, "--split", "train")
    assert result.code == 1
    assert "missing.jpg" in result.err
