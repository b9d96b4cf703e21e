"""A name leads to an encoder, or to words that say what to do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

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


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download asks for: `folder` is `someone/small-clip`."""

    folder: Path
    asked: ClassVar[list[str]]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, with_body: bool) -> None:
        files = sorted(path.name for path in self.folder.iterdir())
        if self.path.startswith("/api/models/someone/small-clip/tree/"):
            sizes = {name: (self.folder / name).stat().st_size for name in files}
            tree = [{"type": "file", "path": name, "oid": "0", "size": size} for name, size in sizes.items()]
            body = json.dumps(tree).encode()
        elif self.path.startswith("/api/models/someone/small-clip"):
            siblings = [{"rfilename": name} for name in files]
            body = json.dumps({"id": "someone/small-clip", "sha": "1" * 40, "siblings": siblings}).encode()
        elif self.path.startswith("/someone/small-clip/resolve/"):
            name = self.path.split("/", 5)[5]
            self.asked.append(name)
            body = (self.folder / name).read_bytes()
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", "1" * 40)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the test's output quiet."""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A folder that a local hub offers, that hub's address, and the names of the files it was asked for."""
    handler = type("LocalHub", (Hub,), {"folder": tmp_path / "offered", "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path / "offered", f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    server.server_close()


def load_from(hub_url: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own, because the hub's client reads its address when it is imported."""
    code = "from encoders.loading import load_encoder; print(load_encoder('someone/small-clip').space.name)"
    environment = {**os.environ, "HF_ENDPOINT": hub_url, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_hub_name_is_downloaded_once_and_only_what_is_needed(
    hub: tuple[Path, str, list[str]], tmp_path: Path, weights: str
) -> None:
    folder, url, asked = hub
    make_checkpoint("clip", folder)
    if weights == "pytorch_model.bin":
        torch.save(load_file(folder / "model.safetensors"), folder / weights)
        (folder / "model.safetensors").unlink()
    else:
        (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody should open")
    (folder / "flax_model.msgpack").write_bytes(b"for another library")
    first = load_from(url, tmp_path / "cache")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("small-clip-")
    assert set(asked) == {
        "config.json",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        weights,
    }
    asked.clear()
    assert load_from(url, tmp_path / "cache").stdout == first.stdout
    assert asked == [], "the second time the cache is enough"


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
