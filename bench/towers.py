"""Combinations of towers: quality, milliseconds, megabytes; and the default encoder's speed against CLIP.

python -m bench.towers            speed of the default encoder against a ViT-B/32 CLIP with random weights
python -m bench.towers --train    also trains every combination on the shared captions (a quarter of an hour
                                  once features are cached) and prints the table of the model card
--resnet50 FILE                   with torchvision's ResNet-50 too, from a state dict that you have
--names                           class names that were taught and, from another training, names held back
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPModel

from backend.cli.captions import read_captions
from bench.bounds import Bounds
from bench.data import shared
from encoders.base import Encoder
from encoders.dual import DualEncoder
from encoders.loading import load_encoder
from encoders.training.dataset import Example
from encoders.training.options import Options
from encoders.training.progress import Silence
from encoders.training.recipe import FROM_SCRATCH, Recipe
from encoders.training.session import taught_classes
from encoders.training.train import train

TEXT = "Two dogs run across a wide beach towards the water ."
TEXT_TOKENS = 16
"""CLIP's own count for such a sentence; padding to 77 would flatter us."""
TEXT_RATIO = 0.5
PICTURE_RATIO = 0.7
ROUNDS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--names", action="store_true")
    parser.add_argument("--resnet50", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "twinspace")
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    bounds = Bounds()
    _compare_with_clip(load_encoder("twinspace-mini"), bounds)
    if arguments.train:
        _print_table(arguments.cache, arguments.resnet50)
    if arguments.names:
        _print_names(arguments.cache, bounds)
    bounds.exit()


def _compare_with_clip(encoder: Encoder, bounds: Bounds) -> None:
    """In turns, so that what else the machine does meets both alike."""
    torch.manual_seed(0)
    clip = CLIPModel(CLIPConfig()).eval()
    tokens = torch.randint(1, 40_000, (1, TEXT_TOKENS))
    pixels = torch.rand(1, 3, 224, 224)
    picture = _photo()
    with torch.inference_mode():
        text = _alternate(
            lambda: encoder.encode_texts([TEXT]), lambda: clip.get_text_features(input_ids=tokens)
        )
        image = _alternate(
            lambda: encoder.encode_images([picture]), lambda: clip.get_image_features(pixel_values=pixels)
        )
    print(
        f"one text: {text[0]:.1f} ms, CLIP {text[1]:.1f} ms; one picture: {image[0]:.1f}, {image[1]:.1f} ms"
    )
    bounds.at_most("one text, against CLIP ViT-B/32", text[0] / text[1], TEXT_RATIO)
    bounds.at_most("one picture, against CLIP ViT-B/32", image[0] / image[1], PICTURE_RATIO)


def _alternate(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of each."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for call, taken in zip((ours, theirs), times, strict=True):
            started = time.perf_counter()
            call()
            taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[0]), statistics.median(times[1])


def _print_table(cache: Path, resnet50: Path | None) -> None:
    examples = captioned_pictures()
    pictures = [("efficientnet-lite2", None)] + ([("torchvision:resnet50", resnet50)] if resnet50 else [])
    columns = ["picture tower", "text tower", "en t2i R@1/5/10", "en i2t R@1/5/10", "zh t2i R@10"]
    columns += ["text ms", "picture ms", "towers MB", "heads MB"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for image_tower, weights in pictures:
        for text_tower in ("minilm", "word-vectors", "tf-idf"):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "encoder"
                options = Options(out, cache, text_tower, image_tower, weights)
                metrics = train(examples, options, Silence()).metrics
                encoder = load_encoder(str(out))
                heads = sum(file.stat().st_size for file in out.iterdir())
            cells = [image_tower, text_tower]
            cells += [recalls(metrics[f"en {way}"]) for way in ("text to image", "image to text")]
            cells += [f"{metrics['zh text to image']['recall@10']:.3f}"]
            cells += [f"{_milliseconds(lambda e=encoder: e.encode_texts([TEXT])):.1f}"]
            cells += [f"{_milliseconds(lambda e=encoder: e.encode_images([_photo()])):.1f}"]
            cells += [f"{_tower_megabytes(encoder):.0f}", f"{heads / 1e6:.1f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


def recalls(figures: dict[str, float]) -> str:
    return " / ".join(f"{figures[f'recall@{k}']:.3f}" for k in (1, 5, 10))


def _milliseconds(call: Callable[[], object]) -> float:
    return _alternate(call, lambda: None)[0]


def _tower_megabytes(encoder: Encoder) -> float:
    """Of frozen weights, as they lie in memory."""
    assert isinstance(encoder, DualEncoder)
    return sum(parameter.nbytes for parameter in encoder.tower_parameters()) / 1e6


def _photo() -> Image.Image:
    return Image.open(sorted(shared("photos").glob("*.jpg"))[0]).convert("RGB")


def captioned_pictures() -> list[Example]:
    folder = shared("flickr8k")
    entries = read_captions(folder / "captions.json")
    return [Example(folder / "images" / e.image, e.all_captions(), e.split) for e in entries]


def _print_names(cache: Path, bounds: Bounds) -> None:
    """Top-5 among 1,000 names of pictures that nobody trained on."""
    taught, _ = top5_of_names(load_encoder("twinspace-mini"))
    bounds.at_least("top-5, all names taught", taught, 0.65)
    held_back = 200
    recipe: Recipe = replace(FROM_SCRATCH, held_back_names=held_back)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "encoder"
        train(captioned_pictures(), Options(out, cache, recipe=recipe), Silence())
        _, rows = top5_of_names(load_encoder(str(out)))
    kept = np.isin([number for number, _ in rows], taught_classes(1000, held_back).numpy())
    found = np.array([found for _, found in rows])
    print(f"200 names held back: top-5 of the {kept.sum()} others {found[kept].mean():.3f}")
    bounds.at_least(f"top-5, the {(~kept).sum()} held back", found[~kept].mean(), 0.20)


def top5_of_names(encoder: Encoder) -> tuple[float, list[tuple[int, bool]]]:
    """The share, and each picture's class and whether it was found."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo()
    synsets = info.label_names()
    names = [description.split(",")[0] for description in info.label_descriptions()]
    queries = encoder.encode_texts([f"a photo of a {name}" for name in names])
    rows = []
    for file in sorted(shared("imagenet_dev").glob("*.jpg")):
        scores = queries @ encoder.encode_images([Image.open(file).convert("RGB")])[0]
        number = synsets.index(file.name.split("_")[0])
        rows.append((number, bool((scores > scores[number]).sum() < 5)))
    return float(np.mean([found for _, found in rows])), rows


if __name__ == "__main__":
    main()
