"""Recall of the default encoder on the val split, through encoder and store."""

from __future__ import annotations

from backend.cli.captions import choose, read_captions
from backend.evaluation.evaluate import evaluate
from backend.settings import Settings
from bench.bounds import Bounds
from bench.data import shared
from encoders.loading import load_encoder
from encoders.views import with_views

TEXT_TO_IMAGE = 0.71
IMAGE_TO_TEXT = 0.75


def main() -> None:
    folder = shared("flickr8k")
    chosen = choose(read_captions(folder / "captions.json"), "val", "en")
    captioned = [(folder / "images" / name, texts) for name, texts in chosen]
    settings = Settings()
    encoder = with_views(load_encoder(settings.encoder), settings.encoder_views)
    result = evaluate(encoder, {"en": captioned}, settings, lambda _: None)
    [english] = result.languages
    directions = {
        "text to image": (english.text_to_image.recall, TEXT_TO_IMAGE),
        "image to text": (english.image_to_text.recall, IMAGE_TO_TEXT),
    }
    print(f"{result.space.name}: {len(english.pictures)} pictures, {len(english.captions)} captions")
    bounds = Bounds()
    for name, (found, bound) in directions.items():
        print(f"{name}: R@1 {found.at(1):.3f}, R@5 {found.at(5):.3f}, median rank {found.median_rank:.0f}")
        bounds.at_least(f"{name} Recall@10", found.at(10), bound)
    bounds.exit()


if __name__ == "__main__":
    main()
