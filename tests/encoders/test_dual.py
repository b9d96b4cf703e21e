from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders.base import EncoderError, Preparing
from encoders.dual import DualEncoder, load_dual
from encoders.heads import pack_heads, read_heads
from tests.support.pictures import picture

SHIPPED = Path(__file__).parents[2] / "encoders" / "weights" / "twinspace-mini"


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return load_dual(SHIPPED)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "heads"))


def edit(folder: Path, change) -> None:
    file = folder / "twinspace.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))


def test_vectors_are_unit_float32_of_the_spaces_dimension(encoder):
    texts = encoder.encode_texts(["a dog", "two children on a beach"])
    images = encoder.encode_images([picture(seed=1), picture((0, 0, 255), seed=2), picture(size=(1, 1))])
    for vectors, count in ((texts, 2), (images, 3)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (count, encoder.space.dim)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_picture_that_was_prepared_has_the_same_vector_and_may_be_prepared_again(encoder, mode):
    noise = np.random.default_rng(3).integers(0, 256, (90, 140, 3), dtype=np.uint8)
    image = Image.fromarray(noise).convert(mode)
    ready = encoder.prepare_image(image)
    assert isinstance(encoder, Preparing)
    assert encoder.prepare_image(ready).tobytes() == ready.tobytes()
    np.testing.assert_array_equal(encoder.encode_images([ready]), encoder.encode_images([image]))


def test_nothing_in_nothing_out(encoder):
    assert encoder.encode_texts([]).shape == (0, encoder.space.dim)
    assert encoder.encode_images([]).shape == (0, encoder.space.dim)


def test_odd_texts_are_encoded_like_any_other(encoder):
    vectors = encoder.encode_texts(["", " ", "🐕", "。", "word " * 10_000, "\x00", "Ünïcödé", "42"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_threads_share_one_encoder(encoder):
    texts = [f"a dog number {index} runs" for index in range(8)]
    alone = [encoder.encode_texts([text])[0] for text in texts]
    answers: dict[int, np.ndarray] = {}

    def encode(index: int) -> None:
        for _ in range(5):
            answers[index] = encoder.encode_texts([texts[index]])[0]

    threads = [threading.Thread(target=encode, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, vector in enumerate(alone):
        np.testing.assert_allclose(answers[index], vector, atol=1e-5)


def test_the_space_is_named_after_what_determines_its_vectors(encoder, folder):
    assert encoder.space.name == f"twinspace-mini-{encoder.space.fingerprint[:8]}"
    edit(folder, lambda manifest: manifest["training"].update(note="people read this"))
    assert load_dual(folder).space == encoder.space


def test_a_corrupt_heads_file_is_refused(folder):
    file = folder / "heads.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(EncoderError, match="is corrupt: its SHA-256"):
        load_dual(folder)


def test_a_truncated_heads_file_is_refused(folder):
    file = folder / "heads.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(EncoderError, match="cannot be read as heads"):
        load_dual(folder)


def test_heads_trained_for_another_tower_are_refused_and_named(folder):
    edit(folder, lambda manifest: manifest["image"].update(fingerprint="f" * 64))
    with pytest.raises(EncoderError, match="trained for another image tower: fingerprint"):
        load_dual(folder)


def test_towers_that_changed_since_training_are_refused(folder, tmp_path):
    manifest = json.loads((folder / "twinspace.json").read_text())
    towers = {"image": "f" * 64} | {
        "text-" + entry["language"]: entry["fingerprint"] for entry in manifest["texts"]
    }
    true_towers = towers | {"image": manifest["image"]["fingerprint"]}
    file = folder / "heads.safetensors"
    file.write_bytes(pack_heads(read_heads(file, manifest["heads_sha256"], true_towers), towers))
    edit(folder, lambda manifest: manifest["image"].update(fingerprint="f" * 64))
    edit(folder, lambda manifest: manifest.update(heads_sha256=_sha256(file)))
    with pytest.raises(EncoderError, match="were trained for efficientnet-lite2 ffffffffffff"):
        load_dual(folder)


def _sha256(file: Path) -> str:
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense", '{"format": 1}'])
def test_a_description_that_is_none_is_refused(folder, text):
    (folder / "twinspace.json").write_text(text)
    with pytest.raises(EncoderError, match="does not describe a dual encoder"):
        load_dual(folder)


def test_a_folder_without_description_or_heads_is_refused(folder, tmp_path):
    with pytest.raises(EncoderError, match="cannot be read"):
        load_dual(tmp_path)
    (folder / "heads.safetensors").unlink()
    with pytest.raises(EncoderError, match="cannot be read as heads"):
        load_dual(folder)


def test_an_unknown_tower_is_refused_with_the_known_ones(folder):
    edit(folder, lambda manifest: manifest["image"].update(tower="vgg"))
    with pytest.raises(EncoderError, match="Unknown image tower 'vgg': choose one of efficientnet-lite2"):
        load_dual(folder)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [("T恤", "t恤"), ("两只狗 in the snow", "in the snow 两只狗"), ("ＤＯＧ", "dog"), ("Dog", "dog")],
)
def test_what_reads_alike_is_encoded_nearly_alike(encoder, text, same_as):
    left, right = encoder.encode_texts([text, same_as])
    assert left @ right > 0.9
