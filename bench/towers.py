"""Combinations of towers: quality, milliseconds, megabytes; and the default encoder's speed against CLIP.

python -m bench.towers            speed of the default encoder against a ViT-B/32 CLIP with random weights
python -m bench.towers --train    also trains every combination on the shared captions (a quarter of an hour
                                  once features are cached) and prints the table of the model card
--resnet50 FILE                   with torchvision's ResNet-50 too, from a state dict that you have; without
                                  one it is timed with random weights
--cache DIR                       where computed features lie
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from backend.cli.train import user_cache
from bench.bounds import Bounds
from bench.data import captioned_pictures, shared
from encoders.base import Encoder
from encoders.dual import DualEncoder
from encoders.loading import load_encoder
from encoders.towers.registry import TEXT_TOWERS
from encoders.towers.torchvision_cnn import TorchvisionCnn
from encoders.training.options import Options
from encoders.training.progress import Silence
from encoders.training.train import train

TEXT = "Two dogs run across a wide beach towards the water ."
CHINESE = "两只狗在宽阔的海滩上跑向水边。"
TEXT_TOKENS = 14
"""CLIP's own count for `TEXT` with its two marks; padding to 77 would flatter us."""
TEXT_RATIO = 0.5
PICTURE_RATIO = 0.7
ROUNDS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--resnet50", type=Path)
    parser.add_argument("--cache", type=Path, default=user_cache())
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    bounds = Bounds()
    _compare_with_clip(load_encoder("twinspace-mini"), bounds)
    if arguments.train:
        _print_table(arguments.cache, arguments.resnet50)
    bounds.exit()


def _compare_with_clip(encoder: Encoder, bounds: Bounds) -> None:
    """In turns, so that what else the machine does meets both alike."""
    from transformers import CLIPConfig, CLIPModel  # After torchvision's operators were mended.

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


def _alternate(*calls: Callable[[], object]) -> list[float]:
    """Median milliseconds of each."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, taken in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            taken.append(1000 * (time.perf_counter() - started))
    return [statistics.median(taken) for taken in times]


def _print_table(cache: Path, resnet50: Path | None) -> None:
    columns = ["picture tower", "text tower", "en t2i R@1/5/10", "en i2t R@1/5/10", "zh t2i R@10"]
    columns += ["en text ms", "zh text ms", "picture ms", "towers MB", "heads MB", "training s", "space"]
    print(f"| {' | '.join(columns)} |\n{'| --- ' * len(columns)}|")
    weights = {"efficientnet-lite2": None} | ({"torchvision:resnet50": resnet50} if resnet50 else {})
    for image_tower, file in weights.items():
        for text_tower in TEXT_TOWERS:
            print(f"| {' | '.join(_row(cache, image_tower, file, text_tower))} |", flush=True)
    if not resnet50:
        _print_untrained_resnet50(len(columns))


def _print_untrained_resnet50(columns: int) -> None:
    """Without weights there is no quality to tell, but what they would cost."""
    from torchvision.models import get_model  # After torchvision's operators were mended.

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "random.pth"
        torch.save(get_model("resnet50", weights=None).state_dict(), file)
        tower = TorchvisionCnn("torchvision:resnet50", file)
    photo = _photo()
    (milliseconds,) = _alternate(lambda: tower.features([photo]))
    megabytes = sum(parameter.nbytes for parameter in tower.parameters()) / 1e6
    cells = [*["not measured: no weights file here"] * 3, "", "", f"{milliseconds:.1f}", f"{megabytes:.0f}"]
    for text_tower in TEXT_TOWERS:
        row = ["torchvision:resnet50", text_tower, *cells]
        print(f"| {' | '.join(row + [''] * (columns - len(row)))} |")


def _row(cache: Path, image_tower: str, weights: Path | None, text_tower: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "encoder"
        result = train(captioned_pictures(), Options(out, cache, text_tower, image_tower, weights), Silence())
        encoder = load_encoder(str(out))
        heads = sum(file.stat().st_size for file in out.iterdir())
    photo = _photo()
    milliseconds = _alternate(
        lambda: encoder.encode_texts([TEXT]),
        lambda: encoder.encode_texts([CHINESE]),
        lambda: encoder.encode_images([photo]),
    )
    quality = [recalls(result.metrics[f"en {way}"]) for way in ("text to image", "image to text")]
    quality.append(f"{result.metrics['zh text to image']['recall@10']:.3f}")
    sizes = [f"{_tower_megabytes(encoder):.0f}", f"{heads / 1e6:.1f}", f"{result.seconds:.0f}"]
    # The same weights are the same space: so the row of the shipped towers tells whether they came out again.
    space = encoder.space.fingerprint[:8]
    return [image_tower, text_tower, *quality, *(f"{each:.1f}" for each in milliseconds), *sizes, space]


def recalls(figures: dict[str, float]) -> str:
    return " / ".join(f"{figures[f'recall@{k}']:.3f}" for k in (1, 5, 10))


def _tower_megabytes(encoder: Encoder) -> float:
    """Of frozen weights, as they lie in memory; learned towers are among the heads."""
    assert isinstance(encoder, DualEncoder)
    return sum(parameter.nbytes for parameter in encoder.frozen_parameters()) / 1e6


def _photo() -> Image.Image:
    return Image.open(sorted(shared("photos").glob("*.jpg"))[0]).convert("RGB")


if __name__ == "__main__":
    main()
