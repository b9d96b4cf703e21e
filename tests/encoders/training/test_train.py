from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.base import EncoderError
from encoders.loading import SHIPPED, load_encoder
from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.minilm import MiniLM
from encoders.training import adapt, fit
from encoders.training import train as training
from encoders.training.assembly import load_assembly
from encoders.training.captions import TermInputs
from encoders.training.class_names import class_prompts
from encoders.training.contrastive import Units, recall
from encoders.training.options import Options
from encoders.training.progress import TrainingError
from encoders.training.recipe import Recipe, Schedule
from tests.encoders.training.conftest import COLOURS, Notes
from tests.support.pictures import picture

TINY = Recipe(
    dim=192,
    schedule=Schedule(8, 2e-3, 0.1, batch=32, averaging=0.9),
    follow=Schedule(2, 1e-3, 0.1, batch=32),
    views=2,
    class_names=0.0,
)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


@pytest.fixture
def every_epoch_is_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "SECONDS_BETWEEN_CHECKPOINTS", 0)


@pytest.fixture
def options(tmp_path: Path, cache: Path) -> Options:
    return Options(tmp_path / "mine", cache, text_tower="word-vectors", recipe=TINY)


def names_colours(folder: Path, texts: list[str]) -> float:
    """The share of colours whose text finds a new picture in that colour first."""
    encoder = load_encoder(str(folder))
    images = encoder.encode_images([picture(rgb, (64, 40), seed=99) for rgb, _ in COLOURS.values()])
    nearest = (encoder.encode_texts(texts) @ images.T).argmax(1)
    return float((nearest == np.arange(len(texts))).mean())


def english() -> list[str]:
    return [f"a {name} wall" for name in COLOURS]


def chinese() -> list[str]:
    return [f"{character}色的墙" for _, character in COLOURS.values()]


@pytest.mark.parametrize("tower", [pytest.param("word-vectors", marks=pytest.mark.slow), "tf-idf", "minilm"])
def test_what_was_trained_loads_and_finds(coloured, options, tower):
    result = training.train(coloured, replace(options, text_tower=tower, afresh=True, licence="mine"))
    assert result.adaptation is None
    assert load_encoder(str(options.out)).space.licence == "mine"
    assert names_colours(options.out, english()) >= 0.75
    assert names_colours(options.out, chinese()) >= 0.75
    assert set(result.metrics) == {
        f"{language} {way}" for language in ("en", "zh") for way in ("text to image", "image to text")
    }
    assert load_encoder(str(options.out)).space.languages == ("en", "zh")
    assert not (options.out / "training").exists(), "checkpoints are gone"


def test_languages_and_scripts_mix_in_one_batch(coloured, options):
    training.train(coloured, options)
    encoder = load_encoder(str(options.out))
    texts = ["a red wall", "红色的墙", "red 红色", "🐕", ""]
    together = encoder.encode_texts(texts)
    alone = np.concatenate([encoder.encode_texts([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    mixed, english_half, chinese_half = encoder.encode_texts(["red 红色", "red", "红色"])
    assert mixed @ english_half > 0.5
    assert mixed @ chinese_half > 0.5


@pytest.mark.slow
def test_class_names_are_taught_along(coloured, options, tmp_path):
    """A picture that shows a class as the CNN imagines it finds the name sooner than without being taught."""
    median_ranks = {}
    for weight in (0.0, 1.0):
        recipe = replace(TINY, class_names=weight)
        chosen = replace(options, out=tmp_path / str(weight), recipe=recipe)
        training.train(coloured, chosen)
        assembly = load_assembly(chosen.out, recipe)
        texts, tower = assembly.model.texts["en"].eval(), assembly.image_tower
        names = [prompts[0] for prompts in class_prompts()]
        inputs = TermInputs([texts.tower.terms(name) for name in names], torch.device("cpu"))
        pooled = torch.zeros(len(names), tower.dim - tower.class_dim)
        pictures = torch.cat([pooled, tower.class_prototypes], dim=1)
        with torch.inference_mode():
            images = Units(assembly.model.image.eval()(pictures), torch.arange(len(names)))
            named = Units(texts(*inputs(torch.arange(len(names)))), torch.arange(len(names)))
        median_ranks[weight] = recall(images, named)["median_rank"]
    assert median_ranks[1.0] < 0.8 * median_ranks[0.0]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_encoder(coloured, options, tmp_path):
    fingerprints = set()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        training.train(coloured, replace(options, out=tmp_path / name, seed=seed))
        fingerprints.add(load_encoder(str(tmp_path / name)).space.fingerprint)
    assert len(fingerprints) == 2


def test_an_interrupted_training_goes_on_to_the_same_end(coloured, options, tmp_path, every_epoch_is_saved):
    whole = replace(options, out=tmp_path / "whole")
    training.train(coloured, whole)
    with pytest.raises(KeyboardInterrupt):
        training.train(coloured, options, Notes(("epochs", 3)))
    assert not (options.out / "twinspace.json").exists()
    notes = Notes()
    training.train(coloured, options, notes)
    assert "going on after epoch 3" in " ".join(notes.messages)
    assert next(stage for stage in notes.stages if stage.startswith("epochs")) == "epochs 4/8"
    fingerprints = {load_encoder(str(folder)).space.fingerprint for folder in (options.out, whole.out)}
    assert len(fingerprints) == 1


def test_an_interrupted_training_with_other_options_is_not_overwritten(
    coloured, options, every_epoch_is_saved
):
    with pytest.raises(KeyboardInterrupt):
        training.train(coloured, options, Notes(("epochs", 1)))
    with pytest.raises(TrainingError, match="interrupted training with other options"):
        training.train(coloured, replace(options, seed=5))


def test_a_folder_that_exists_is_refused(coloured, options):
    options.out.mkdir()
    (options.out / "notes.txt").write_text("mine")
    with pytest.raises(TrainingError, match="exists and is not empty"):
        training.train(coloured, options)
    assert [file.name for file in options.out.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text_tower": "word2vec"}, "Unknown text tower 'word2vec': choose one of minilm"),
        ({"image_tower": "vgg"}, "Unknown image tower 'vgg'"),
        ({"image_tower": "torchvision:resnet50"}, "needs the file of its weights"),
        (
            {"image_weights": Path("mine.pth")},
            "efficientnet-lite2 comes with its weights: mine.pth would not",
        ),
    ],
)
def test_what_cannot_start_leaves_nothing_behind(coloured, options, change, message):
    with pytest.raises(EncoderError, match=message):
        training.train(coloured, replace(options, **change))
    assert not options.out.exists()


@pytest.mark.slow
def test_broken_pictures_are_skipped_up_to_a_tenth(coloured, options, tmp_path):
    broken = [tmp_path / f"broken-{number}.png" for number in range(9)]
    for file in broken:
        file.write_bytes(b"no picture")
    notes = Notes()
    some = [replace(example, image=file) for example, file in zip(coloured, broken[:2], strict=False)]
    training.train([*some, *coloured[2:]], options, notes)
    assert [message.split(": ")[0] for message in notes.messages[:2]] == [
        f"Skipped {it}" for it in broken[:2]
    ]
    assert "The file is no picture" in notes.messages[0]
    assert notes.messages[2] == "2 of 80 pictures are missing or broken: skipped."


def test_missing_and_broken_pictures_are_judged_together(coloured, options, tmp_path):
    lost = [tmp_path / f"lost-{number}.png" for number in range(10)]
    for file in lost[:5]:
        file.write_bytes(b"no picture")
    many = [replace(example, image=file) for example, file in zip(coloured, lost, strict=False)]
    with pytest.raises(TrainingError, match="10 of 80 pictures are missing or broken"):
        training.train([*many, *coloured[10:]], options)
    assert not options.out.exists()


def test_a_val_split_that_is_broken_is_refused_and_its_language_named(coloured, options, tmp_path):
    broken = [tmp_path / f"broken-{number}.png" for number in range(2)]
    for file in broken:
        file.write_bytes(b"no picture")
    val = [replace(example, image=file) for example, file in zip(coloured[64:], broken, strict=False)]
    with pytest.raises(TrainingError, match="No picture of the val split that can be read has a caption in"):
        training.train([*coloured[:64], *val], options)


def test_a_network_of_torchvision_with_a_weights_file_is_a_tower(coloured, options, tmp_path):
    from torchvision.models import get_model

    weights = tmp_path / "squeezenet.pth"
    torch.manual_seed(0)
    torch.save(get_model("squeezenet1_1", weights=None).state_dict(), weights)
    chosen = replace(options, image_tower="torchvision:squeezenet1_1", image_weights=weights)
    training.train(coloured, chosen)
    vectors = load_encoder(str(options.out)).encode_images([Image.new("RGB", (50, 30), "red")])
    assert vectors.shape == (1, 192)
    weights.write_bytes(weights.read_bytes() + b"x")
    with pytest.raises(EncoderError, match="were trained for torchvision:squeezenet1_1"):
        load_encoder(str(options.out))


@pytest.mark.slow
def test_few_pictures_adapt_the_shipped_heads_and_say_what_came_of_it(coloured, options, monkeypatch):
    chosen = replace(options, text_tower="minilm", recipe=replace(TINY, dim=512), licence="mine")
    notes = Notes()
    monkeypatch.setattr(adapt.Adaptation, "helped", True)
    result = training.train(coloured, chosen, notes)
    assert "64 pictures are fewer than 2000: the shipped heads are adapted." in notes.messages
    assert result.adaptation is not None
    assert result.adaptation.pictures == 13
    loaded, shipped = load_encoder(str(options.out)), load_encoder("twinspace-mini")
    assert loaded.space.fingerprint != shipped.space.fingerprint
    assert loaded.space.languages == shipped.space.languages
    assert loaded.space.licence == f"{shipped.space.licence}; what they were adapted to: mine"


@pytest.mark.slow
def test_an_adaptation_that_does_not_help_keeps_the_shipped_heads(coloured, options, monkeypatch):
    monkeypatch.setattr(adapt.Adaptation, "helped", False)
    training.train(coloured, replace(options, text_tower="minilm", recipe=replace(TINY, dim=512)))
    assert load_encoder(str(options.out)).space == load_encoder("twinspace-mini").space


@pytest.mark.parametrize("afresh", [True, False])
def test_frozen_towers_compute_where_training_does(coloured, options, monkeypatch, afresh):
    moved = []
    for tower in (EfficientNetLite2, MiniLM):
        monkeypatch.setattr(tower, "to", lambda self, device: moved.append((self.name, device)))
    chosen = replace(options, text_tower="minilm", afresh=afresh)
    with pytest.raises(KeyboardInterrupt):
        training.train(coloured, chosen, Notes(("epochs", 1)))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert moved == [("efficientnet-lite2", device), ("minilm", device)]


def test_no_val_picture_reaches_training(coloured, options, monkeypatch):
    seen = {}
    original = training.gather

    def spy(pictures, *rest):
        seen.update(
            {part: {example.image for example in pictures.examples[part]} for part in pictures.examples}
        )
        return original(pictures, *rest)

    monkeypatch.setattr(training, "gather", spy)
    training.train(coloured, options)
    assert not seen["train"] & seen["val"]
    assert {example.image for example in coloured if example.split == "val"} == seen["val"]


def test_the_shipped_heads_say_how_they_were_made():
    manifest = json.loads((SHIPPED["twinspace-mini"] / "twinspace.json").read_text())
    assert manifest["training"]["seed"] == 0
    heads = SHIPPED["twinspace-mini"] / "heads.safetensors"
    assert heads.stat().st_size <= 15_000_000
