"""How good the default encoder is, on what it was trained for and on what it never saw, against its bounds.

python -m bench.quality              the shipped heads, a few minutes
python -m bench.quality --held-back  also trains with 200 class names held back, and asks for those
--cache DIR                          where computed features lie
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from backend.cli.train import user_cache
from bench.bounds import Bounds
from bench.data import captioned_pictures, shared
from encoders.base import Encoder, Vectors
from encoders.loading import load_encoder
from encoders.training.options import Options
from encoders.training.progress import Silence
from encoders.training.recipe import FROM_SCRATCH
from encoders.training.session import taught_classes
from encoders.training.train import train
from encoders.views import with_views

BATCH = 8
VIEWS = 3
COCO_PICTURES = 243
HELD_BACK = 200
ENGLISH = {"text to image": (0.27, 0.57, 0.71), "image to text": (0.33, 0.62, 0.75)}
CHINESE_AT_10 = 0.50
COCO_AT = 0.77
TAUGHT_AT_5 = 0.65
HELD_BACK_AT_5 = 0.20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("--cache", type=Path, default=user_cache())
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    encoder = load_encoder("twinspace-mini")
    bounds = Bounds()
    flickr(encoder, bounds)
    coco(encoder, bounds)
    imagenet(encoder, bounds)
    if arguments.held_back:
        _held_back_names(arguments.cache, bounds)
    bounds.exit()


def flickr(encoder: Encoder, bounds: Bounds) -> None:
    """The val split's 1,000 pictures: both languages, and what more views are worth."""
    folder = shared("flickr8k")
    entries = [e for e in json.loads((folder / "captions.json").read_text()) if e["split"] == "val"]
    files = [folder / "images" / entry["image"] for entry in entries]
    pictures = encode_files(encoder, files)
    for language in ("en", "zh"):
        texts = encoder.encode_texts([text for entry in entries for text in entry[language]])
        owners = np.repeat(np.arange(len(entries)), [len(entry[language]) for entry in entries])
        for way, ranks in (
            ("text to image", ranks_of(texts, pictures, owners)),
            ("image to text", _best_ranks(pictures, texts, owners)),
        ):
            shares = [float((ranks < k).mean()) for k in (1, 5, 10)]
            what = f"Flickr8k val, {language}, {way}, Recall@"
            if language == "en":
                for k, share, bound in zip((1, 5, 10), shares, ENGLISH[way], strict=True):
                    bounds.at_least(f"{what}{k}", share, bound)
            else:
                print(f"       {what}1/5/10: {' / '.join(f'{share:.3f}' for share in shares)}")
                if way == "text to image":
                    bounds.at_least(f"{what}10", shares[2], CHINESE_AT_10)
        if language == "en":
            looked_at_often = encode_files(with_views(encoder, VIEWS), files)
            ranks = ranks_of(texts, looked_at_often, owners)
            recalls = " / ".join(f"{(ranks < k).mean():.3f}" for k in (1, 5, 10))
            print(f"       with {VIEWS} views of each picture, en, text to image: {recalls}")


def coco(encoder: Encoder, bounds: Bounds) -> None:
    """Recall@5 in 120 photos of one kind is as hard as Recall@10 in twice as many. Photos of ImageNet, which
    fill up to that number, are easier to tell apart: they are reported, and held to nothing."""
    folder = shared("coco_dev")
    entries = json.loads((folder / "captions.json").read_text())
    files = [folder / "images" / entry["image"] for entry in entries]
    others = sorted(shared("imagenet_dev").glob("*.jpg"))[: COCO_PICTURES - len(entries)]
    pictures = encode_files(encoder, files + others)
    texts = encoder.encode_texts([text for entry in entries for text in entry["en"]])
    owners = np.repeat(np.arange(len(entries)), [len(entry["en"]) for entry in entries])
    ranks = ranks_of(texts, pictures[: len(entries)], owners)
    bounds.at_least(f"COCO, text to image, Recall@5 in {len(entries)}", float((ranks < 5).mean()), COCO_AT)
    padded = float((ranks_of(texts, pictures, owners) < 10).mean())
    at_10 = float((ranks < 10).mean())
    print(f"       Recall@10 in {len(entries)}: {at_10:.3f}; with {len(others)} others: {padded:.3f}")


def imagenet(encoder: Encoder, bounds: Bounds) -> None:
    bounds.at_least("ImageNet photos, names taught, top-5", top5_of_names(encoder), TAUGHT_AT_5)


def _held_back_names(cache: Path, bounds: Bounds) -> None:
    recipe = replace(FROM_SCRATCH, held_back_names=HELD_BACK)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "encoder"
        train(captioned_pictures(), Options(out, cache, recipe=recipe), Silence())
        classes, found = names_found(load_encoder(str(out)))
    taught = np.isin(classes, taught_classes(1000, HELD_BACK).numpy())
    print(
        f"       {HELD_BACK} names held back: top-5 of the {taught.sum()} others {found[taught].mean():.3f}"
    )
    bounds.at_least(f"top-5 of the {(~taught).sum()} held back", float(found[~taught].mean()), HELD_BACK_AT_5)


def top5_of_names(encoder: Encoder) -> float:
    return float(names_found(encoder)[1].mean())


def names_found(encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    """The class of each of ImageNet's photos, and whether its name is among the best five of 1,000."""
    from timm.data import ImageNetInfo  # After torchvision's operators were mended.

    info = ImageNetInfo()
    names = [description.split(",")[0] for description in info.label_descriptions()]
    queries = encoder.encode_texts([f"a photo of a {name}" for name in names])
    files = sorted(shared("imagenet_dev").glob("*.jpg"))
    classes = np.array([info.label_names().index(file.name.split("_")[0]) for file in files])
    return classes, ranks_of(encode_files(encoder, files), queries, classes) < 5


def encode_files(encoder: Encoder, files: Sequence[Path]) -> Vectors:
    batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
    opened = ([Image.open(file).convert("RGB") for file in batch] for batch in batches)
    return np.concatenate([encoder.encode_images(images) for images in opened])


def ranks_of(queries: Vectors, candidates: Vectors, owners: np.ndarray) -> np.ndarray:
    """How many candidates are nearer to each query than its own, `owners[i]`."""
    similarities = queries @ candidates.T
    return (similarities > similarities[np.arange(len(queries)), owners][:, None]).sum(1)


def _best_ranks(queries: Vectors, candidates: Vectors, owners: np.ndarray) -> np.ndarray:
    """How many candidates are nearer to each query than the best of its own, those with `owners == i`."""
    similarities = queries @ candidates.T
    own = owners[None, :] == np.arange(len(queries))[:, None]
    best = np.where(own, similarities, -np.inf).max(1)
    return (similarities > best[:, None]).sum(1)


if __name__ == "__main__":
    main()
