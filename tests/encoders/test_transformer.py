"""Every family of two-tower checkpoints encodes as its own library code does, and damage is told in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from encoders.base import EncoderError, Vectors
from encoders.transformer import TransformerEncoder, load_transformer
from tests.support.checkpoints import FAMILIES, make_checkpoint
from tests.support.pictures import picture

TEXTS = [
    "a dog",
    "the cat runs on the red grass at sunset",
    "",
    "海边的日落",
    "two people 🚲 on a bicycle",
    "dog " * 50,
]
PICTURES = [
    picture((255, 0, 0), (64, 48)),
    picture((0, 128, 255), (30, 90), seed=1),
    picture((10, 200, 10), (300, 200), seed=2),
    Image.new("RGB", (1, 1), "white"),
    Image.new("RGB", (3, 3), "blue"),
]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A family's checkpoint, made once. To be read only."""
    root = tmp_path_factory.mktemp("checkpoints")

    def folder(family: str) -> Path:
        path = root / family
        return path if path.exists() else make_checkpoint(family, path)

    return folder


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def encoder(family: str, folders: Callable[[str], Path]) -> TransformerEncoder:
    """In fp32, so that what is compared does not depend on the machine."""
    return load_transformer(str(folders(family)), torch.float32)


@pytest.fixture
def clip_copy(folders: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(folders("clip"), tmp_path / "copy"))


def cosines(one: Vectors, other: Vectors) -> np.ndarray:
    return (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def test_vectors_are_unit_and_float32(encoder: TransformerEncoder) -> None:
    for vectors, n in ((encoder.encode_texts(TEXTS), 6), (encoder.encode_images(PICTURES), 5)):
        assert vectors.dtype == np.float32
        assert vectors.shape == (n, encoder.space.dim)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_nothing_in_nothing_out(encoder: TransformerEncoder) -> None:
    assert encoder.encode_texts([]).shape == (0, encoder.space.dim)
    assert encoder.encode_images([]).shape == (0, encoder.space.dim)


def test_different_inputs_have_different_vectors(encoder: TransformerEncoder) -> None:
    texts, images = encoder.encode_texts(["a dog", "the cat runs"]), encoder.encode_images(PICTURES[:2])
    assert texts[0] @ texts[1] < 0.9999
    assert images[0] @ images[1] < 0.9999


def test_company_in_a_batch_changes_nothing(encoder: TransformerEncoder) -> None:
    together = encoder.encode_texts(TEXTS), encoder.encode_images(PICTURES)
    alone = (
        np.concatenate([encoder.encode_texts([text]) for text in TEXTS]),
        np.concatenate([encoder.encode_images([image]) for image in PICTURES]),
    )
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one - other).max() < 1e-5


def reference_vectors(folder: Path, family: str) -> tuple[Vectors, Vectors]:
    """The way the library's documentation shows it."""
    from transformers import AutoModel, AutoProcessor

    model: Any = AutoModel.from_pretrained(folder).eval()
    processor: Any = AutoProcessor.from_pretrained(folder)
    positions = {"clip": 20, "siglip": 16, "siglip2": 64, "chinese_clip": 32, "altclip": 32}[family]
    padding = "max_length" if family.startswith("siglip") else True
    with torch.inference_mode():
        texts = processor(
            text=TEXTS, padding=padding, truncation=True, max_length=positions, return_tensors="pt"
        )
        images = processor.image_processor(images=PICTURES, return_tensors="pt")
        text_features = model.get_text_features(**texts).pooler_output
        image_features = model.get_image_features(**images).pooler_output
    return text_features.numpy(), image_features.numpy()


def test_vectors_agree_with_the_library_used_directly(
    encoder: TransformerEncoder, family: str, folders: Callable[[str], Path]
) -> None:
    texts, images = reference_vectors(folders(family), family)
    assert cosines(encoder.encode_texts(TEXTS), texts).min() > 0.9999
    assert cosines(encoder.encode_images(PICTURES), images).min() > 0.9999


def test_chosen_precision_is_faithful(
    encoder: TransformerEncoder, family: str, folders: Callable[[str], Path]
) -> None:
    chosen = load_transformer(str(folders(family)))
    assert chosen.space == encoder.space
    assert cosines(chosen.encode_texts(TEXTS), encoder.encode_texts(TEXTS)).min() > 0.998
    assert cosines(chosen.encode_images(PICTURES), encoder.encode_images(PICTURES)).min() > 0.998


def test_threads_get_their_own_answers(encoder: TransformerEncoder) -> None:
    texts = [text * n for n in (1, 3) for text in TEXTS] * 4
    alone = {text: encoder.encode_texts([text])[0] for text in texts}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda text: encoder.encode_texts([text])[0], texts))
        pictures = list(pool.map(lambda image: encoder.encode_images([image])[0], PICTURES * 4))
    for text, answer in zip(texts, answers, strict=True):
        assert np.abs(alone[text] - answer).max() < 1e-5
    assert np.abs(np.stack(pictures) - np.tile(encoder.encode_images(PICTURES), (4, 1))).max() < 1e-5


@pytest.mark.parametrize(
    "text", [" ", "\t\n", "\0", "a" * 10_000, "海" * 10_000, "👩‍👩‍👧‍👦" * 500, "<|endoftext|></s><eos>[SEP]"]
)
def test_any_text_has_a_vector(encoder: TransformerEncoder, text: str) -> None:
    vector = encoder.encode_texts([text])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (2, 9000)])
def test_extreme_shapes_have_a_vector(encoder: TransformerEncoder, size: tuple[int, int]) -> None:
    vector = encoder.encode_images([Image.new("RGB", size, "red")])
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("family", ["siglip", "siglip2"], scope="module")
def test_siglip_reads_lower_case_only(encoder: TransformerEncoder) -> None:
    one, other = encoder.encode_texts(["A Dog on the GRASS", "a dog on the grass"])
    assert np.array_equal(one, other)


LANGUAGES = {
    "clip": ("en",),
    "siglip": ("en",),
    "siglip2": ("en", "mul"),
    "chinese_clip": ("zh",),
    "altclip": ("en", "zh"),
}


def test_space_describes_the_checkpoint(encoder: TransformerEncoder, family: str) -> None:
    space = encoder.space
    assert space.name == f"{family.replace('_', '-')}-{space.fingerprint[:8]}"
    assert space.languages == LANGUAGES[family]
    assert (space.licence, len(space.fingerprint)) == ("unknown", 64)


def change_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["text_projection.weight"][0, 0] += 1e-3
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def change_text_length(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 10}))


def change_preprocessing(folder: Path) -> None:
    path = folder / "processor_config.json"
    config = json.loads(path.read_text())
    config["image_processor"]["image_mean"] = [0.5, 0.5, 0.5]
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("change", [change_weight, change_text_length, change_preprocessing])
def test_what_determines_vectors_is_in_the_fingerprint(
    clip_copy: Path, folders: Callable[[str], Path], change: Callable[[Path], None]
) -> None:
    before = load_transformer(str(folders("clip"))).space
    assert load_transformer(str(clip_copy)).space.fingerprint == before.fingerprint, (
        "a copy is the same space"
    )
    change(clip_copy)
    after = load_transformer(str(clip_copy)).space
    assert after.fingerprint != before.fingerprint
    assert after.name == f"copy-{after.fingerprint[:8]}"


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlanguage: en\nlicense: mit\n---\n# Model", "mit"),
        ('---\nlicense: "apache-2.0"\n---', "apache-2.0"),
        ("---\nlicense: other\nlicense_name: research-only\n---", "research-only"),
        ("---\ntags: [a]\n---\nlicense: mit", "unknown"),
        ("# No front matter\nlicense: mit", "unknown"),
        ("---\n\xff\xfe: [", "unknown"),
    ],
)
def test_licence_is_the_model_cards_and_no_part_of_the_fingerprint(
    clip_copy: Path, folders: Callable[[str], Path], card: str, licence: str
) -> None:
    (clip_copy / "README.md").write_bytes(card.encode("latin-1"))
    space = load_transformer(str(clip_copy)).space
    assert space.licence == licence
    assert space.fingerprint == load_transformer(str(folders("clip"))).space.fingerprint


def remove(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names] and None


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


def truncate_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def drop_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def spoil_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["visual_projection.weight"][:] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def only_text(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    BertModel(BertConfig(vocab_size=50, **size)).save_pretrained(folder)


SHARDED = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors"}}).encode()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove("model.safetensors"), "lacks weights"),
        (remove("tokenizer.json"), "lacks a tokenizer"),
        (remove("processor_config.json"), "lacks preprocessor_config.json"),
        (write("model.safetensors", b"no tensors at all"), "damaged or of another kind"),
        (truncate_weights, "damaged or of another kind"),
        (drop_weight, "lacks 1 of its weights, visual_projection.weight"),
        (spoil_weight, "not numbers"),
        (write("config.json", b"{"), "damaged or of another kind"),
        (write("config.json", b'{"model_type": "no-such-model"}'), "damaged or of another kind"),
        (write("config.json", b'{"auto_map": {"AutoConfig": "evil.Evil"}}'), "damaged or of another kind"),
        (write("tokenizer.json", b"[]"), "damaged or of another kind"),
        (only_text, "is a bert model. Needed is one with a text and an image tower"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_damage_is_told_in_words(clip_copy: Path, damage: Callable[[Path], None], says: str) -> None:
    damage(clip_copy)
    with pytest.raises(EncoderError, match=says):
        load_transformer(str(clip_copy))


def test_missing_shard_is_named(clip_copy: Path) -> None:
    remove("model.safetensors")(clip_copy)
    write("model.safetensors.index.json", SHARDED)(clip_copy)
    with pytest.raises(EncoderError, match=r"lacks model-00001-of-00002\.safetensors"):
        load_transformer(str(clip_copy))
    write("model.safetensors.index.json", b"[]")(clip_copy)
    with pytest.raises(EncoderError, match="no index of weight files"):
        load_transformer(str(clip_copy))
