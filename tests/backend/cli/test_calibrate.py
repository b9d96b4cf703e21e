from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import encoders.loading
from backend.catalogue.catalogue import Catalogue
from backend.evaluation.calibrate import NEEDED
from tests.backend.cli.conftest import Cli
from tests.support.encoders import ColourEncoder
from tests.support.pictures import jpeg

SPACE = ColourEncoder().space


@pytest.fixture(autouse=True)
def quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders.loading, "load_encoder", lambda name: ColourEncoder())


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of random colours, each called by its strongest one, and `captions.json` beside them."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    entries = []
    for number in range(NEEDED + 10):
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        name = ("red", "green", "blue")[int(np.argmax(colour))]
        (folder / f"{number}.jpg").write_bytes(jpeg(colour))
        entries.append({"image": f"{number}.jpg", "captions": [f"{name} {number}", f"all {name} {number}"]})
    (folder / "captions.json").write_text(json.dumps(entries))
    return folder


def calibrate(cli: Cli, folder: Path, data: Path, *more: str | Path) -> tuple[int, str]:
    result = cli(
        "calibrate", "--images", folder, "--captions", folder / "captions.json", "--data", data, *more
    )
    return result.code, result.out + result.err


def version(data: Path) -> str | None:
    catalogue = Catalogue(f"sqlite:///{data / 'catalogue.db'}")
    try:
        return catalogue.calibrations.version(SPACE.fingerprint)
    finally:
        catalogue.close()


def test_what_is_fitted_is_kept_in_the_catalogue_and_replaced_by_the_next(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "not" / "there" / "yet"
    code, said = calibrate(cli, photos, data)
    assert code == 0, said
    assert f"calibrated on {NEEDED + 10} pictures" in said
    assert "text-en to image" in said
    assert f"Kept in {data / 'catalogue.db'}, which is new" in said
    first = version(data)
    assert first is not None
    strangers = photos.parent / "strangers"
    strangers.mkdir(exist_ok=True)
    (strangers / "grey.jpg").write_bytes(jpeg((9, 9, 9)))
    (strangers / "notes.txt").write_text("no picture")
    code, said = calibrate(cli, photos, data, "--strangers", strangers)
    assert code == 0, said
    assert f"Skipped {strangers / 'notes.txt'}" in said
    assert f"Kept in {data / 'catalogue.db'}: servers on it" in said
    assert version(data) not in (None, first)


def test_too_few_pictures_are_refused_before_anything_is_encoded(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few.csv"
    few.write_text("image,caption\n0.jpg,red\n1.jpg,blue\n")
    result = cli("calibrate", "--images", photos, "--captions", few, "--data", tmp_path)
    assert result.code == 1
    assert f"at least {NEEDED} pictures with captions; here are 2" in result.err


def test_a_picture_that_is_named_twice_counts_once(cli: Cli, photos: Path, tmp_path: Path) -> None:
    entries = [{"image": f"{n % 30}.jpg", "captions": [f"red {n}"]} for n in range(2 * NEEDED)]
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps(entries))
    result = cli("calibrate", "--images", photos, "--captions", captions, "--data", tmp_path)
    assert result.code == 1
    assert f"at least {NEEDED} pictures with captions; here are 30" in result.err


def test_a_folder_of_strangers_without_pictures_is_named(cli: Cli, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    code, said = calibrate(cli, photos, tmp_path, "--strangers", tmp_path)
    assert code == 1
    assert f"No picture can be read in {tmp_path}" in said


def test_unreadable_pictures_do_not_count(cli: Cli, photos: Path, tmp_path: Path) -> None:
    entries = [{"image": f"missing-{n}.jpg", "captions": ["red"]} for n in range(NEEDED)]
    captions = tmp_path / "captions.json"
    captions.write_text(json.dumps(entries))
    result = cli("calibrate", "--images", photos, "--captions", captions, "--data", tmp_path)
    assert result.code == 1
    assert "No picture can be read" in result.err
