"""A name leads to an encoder, or to words that say what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from encoders.base import EncoderError
from encoders.loading import load_encoder
from tests.support.checkpoints import make_checkpoint


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No network, and an empty cache of the hub."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_the_default_is_there_without_a_network(offline: Path) -> None:
    encoder = load_encoder("twinspace-mini")
    assert encoder.space.name.startswith("twinspace-mini-")
    assert encoder.encode_texts(["a dog"]).shape == (1, encoder.space.dim)


def test_folder_of_a_checkpoint_is_loaded_also_by_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_checkpoint("clip", tmp_path / "models" / "My CLIP")
    monkeypatch.chdir(tmp_path)
    names = {
        load_encoder(name).space.name
        for name in ("models/My CLIP", "./models/My CLIP", str(tmp_path / "models/My CLIP"))
    }
    assert len(names) == 1
    assert names.pop().startswith("my-clip-")


def test_hub_checkpoint_in_the_cache_needs_no_network(offline: Path) -> None:
    cached = offline / "models--someone--small-clip"
    make_checkpoint("clip", cached / "snapshots" / ("0" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    assert load_encoder("someone/small-clip").space.name.startswith("small-clip-")


def test_half_a_download_is_not_used(offline: Path) -> None:
    cached = offline / "models--someone--small-clip"
    snapshot = make_checkpoint("clip", cached / "snapshots" / ("0" * 40))
    (snapshot / "model.safetensors").unlink()
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    with pytest.raises(EncoderError, match=r"cannot be had .*it lacks weights"):
        load_encoder("someone/small-clip")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("someone/no-such-model", r"hf download someone/no-such-model --local-dir"),
        ("bad name/with spaces", "neither a folder nor a name on the Hugging Face hub"),
        ("twinspace-maxi", "Choose `twinspace-mini`"),
        ("", "Choose `twinspace-mini`"),
        ("/no/such/folder", "Choose `twinspace-mini`"),
        ("./no-such-folder", "Choose `twinspace-mini`"),
        ("a\0b/c", "neither a folder nor a name"),
    ],
)
def test_names_that_lead_nowhere_say_what_to_do(offline: Path, name: str, says: str) -> None:
    with pytest.raises(EncoderError, match=says):
        load_encoder(name)


def test_folder_without_an_encoder_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no twinspace.json, no config.json"):
        load_encoder(str(tmp_path))


def test_importing_is_cheap() -> None:
    code = (
        "import sys, encoders.loading; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"
