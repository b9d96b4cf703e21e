from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from backend.cli.train import _Terminal, train
from backend.errors import InvalidRequest
from encoders.training import fit
from tests.support.pictures import picture

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200), "white": (240, 240, 240)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 pictures with 240 captions in `captions.csv`."""
    folder = tmp_path_factory.mktemp("pictures")
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "caption"])
        for number in range(60):
            name, colour = list(COLOURS.items())[number % len(COLOURS)]
            picture(colour, (40, 40), seed=number).save(folder / f"{number}.png")
            writer.writerows(
                [f"{number}.png", text.format(name)]
                for text in ("a {} wall", "plain {}", f"{{}} picture {number}", "{} paint")
            )
    return folder


def run(folder: Path, out: Path, *options: str) -> object:
    app = typer.Typer()
    app.command()(train)
    arguments = ["--images", str(folder), "--captions", str(folder / "captions.csv"), "--out", str(out)]
    arguments += ["--cache", str(folder / "cache"), "--text-tower", "tf-idf", *options]
    return CliRunner().invoke(app, arguments)


@pytest.mark.slow
def test_a_csv_becomes_an_encoder_that_loads(folder, tmp_path):
    from encoders.loading import load_encoder

    out = tmp_path / "My Colours"
    result = run(folder, out, "--licence", "mine")
    assert result.exit_code == 0, result.output
    assert "en text to image    R@1 0." in result.output
    use = f"TWINSPACE_ENCODER='{out}'"
    assert f"To use it: {use}\n" in result.output
    assert f"{use} twinspace calibrate --images {folder} --captions {folder}/captions.csv\n" in result.output
    space = load_encoder(str(out)).space
    assert space.name.startswith("my-colours-")
    assert space.licence == "mine"
    assert json.loads((out / "twinspace.json").read_text())["training"]["seed"] == 0


def test_what_cannot_be_trained_is_one_sentence(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file").touch()
    result = run(folder, tmp_path / "out")
    assert isinstance(result.exception, InvalidRequest)
    assert (
        str(result.exception)
        == f"{tmp_path / 'out'} exists and is not empty: choose another folder, or remove it."
    )


def test_how_to_use_it_never_means_a_shipped_encoder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(folder, Path("twinspace-mini"))
    assert f"To use it: TWINSPACE_ENCODER={tmp_path}/twinspace-mini\n" in result.output


def test_every_picture_that_is_skipped_is_named_on_a_line_of_its_own(folder, tmp_path):
    long = "a-folder-with-a-long-name/" * 4
    names = [f"{long}gone-{number}.png" for number in range(6)]
    captions = tmp_path / "captions.csv"
    captions.write_text((folder / "captions.csv").read_text() + "".join(f"{name},gone\n" for name in names))
    result = run(folder, tmp_path / "out", "--captions", str(captions))
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert [line for line in lines if line.startswith("Skipped")] == [
        f"Skipped {folder / name}: there is no such file" for name in names
    ]
    assert "6 of 66 pictures are missing or broken: skipped." in lines


def test_three_pairs_are_refused_with_the_number_that_is_needed(folder, tmp_path):
    few = tmp_path / "few.csv"
    few.write_text("image,caption\n0.png,a\n1.png,b\n2.png,c\n")
    result = run(folder, tmp_path / "out", "--captions", str(few))
    assert isinstance(result.exception, InvalidRequest)
    assert "at least 200 pairs" in str(result.exception)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_torch_does_not_take_is_refused_before_anything_is_computed(folder, tmp_path, seed):
    result = run(folder, tmp_path / "out", "--seed", str(seed))
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_missing_columns_are_named(folder, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("file,text\n0.png,a\n")
    result = run(folder, tmp_path / "out", "--captions", str(wrong))
    assert isinstance(result.exception, InvalidRequest)
    assert "`image` and `caption`" in str(result.exception)


@pytest.mark.slow
def test_an_interrupted_process_ends_in_one_sentence_and_the_same_command_goes_on(folder, tmp_path):
    out, cache = tmp_path / "out", tmp_path / "cache"
    command = [
        sys.executable,
        "-m",
        "backend.cli",
        "train",
        "--text-tower",
        "tf-idf",
        "--images",
        str(folder),
    ]
    command += ["--captions", str(folder / "captions.csv"), "--out", str(out), "--cache", str(cache)]
    # Whoever starts the tests in the background ignores SIGINT, and what they start inherits that.
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=hear) as process:
        deadline = time.monotonic() + 120
        while not (out / "training" / "run.txt").exists():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 130, said
    assert said.splitlines()[-1] == "Interrupted: the same command goes on from here."
    assert "Traceback" not in said
    assert not (out / "twinspace.json").exists()
    result = run(folder, out, "--cache", str(cache))
    assert result.exit_code == 0, result.output
    assert (out / "twinspace.json").exists()


def test_its_module_loads_no_model_library():
    code = "import sys, backend.cli.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "SECONDS_BETWEEN_CHECKPOINTS", 0)
    advance = _Terminal.advance

    def press_ctrl_c(terminal: _Terminal, stage: str, done: int, total: int) -> None:
        advance(terminal, stage, done, total)
        if stage.startswith("epochs") and done == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_Terminal, "advance", press_ctrl_c)
        interrupted = run(folder, tmp_path / "out")
    assert interrupted.exit_code == 130
    assert "Interrupted: the same command goes on from here." in interrupted.output
    result = run(folder, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "going on after epoch 2" in result.output
    assert (tmp_path / "out" / "twinspace.json").exists()
