"""Recall of the default encoder on the val split, through encoder and store."""

from __future__ import annotations

from backend.cli.captions import choose, read_captions
from backend.evaluation.evaluate import evaluate
from backend.settings import Settings
from bench.bounds import Bounds
from bench.data import shared
from encoders.loading import load_encoder
from encoders.views import with_views

TEXT_TO_IMAGE = 0.66
IMAGE_TO_TEXT = 0.70


def main() -> None:
    folder = shared("flickr8k")
    chosen = choose(read_captions(folder / "captions.json"), "val", "en")
    captioned = [(folder / "images" / name, texts) for name, texts in chosen]
    settings = Settings()
    encoder = with_views(load_encoder(settings.encoder), settings.encoder_views)
    result = evaluate(encoder, {"en": captioned}, settings, lambda _: None)
    print(f"{result.space.name}: {result.images} pictures, {result.captions} captions")
    for name, figures in (("text to image", result.text_to_image), ("image to text", result.image_to_text)):
        print(
            f"{name}: R@1 {figures.at_1:.3f}, R@5 {figures.at_5:.3f}, median rank {figures.median_rank:.0f}"
        )
    bounds = Bounds()
    bounds.at_least("text to image Recall@10", result.text_to_image.at_10, TEXT_TO_IMAGE)
    bounds.at_least("image to text Recall@10", result.image_to_text.at_10, IMAGE_TO_TEXT)
    bounds.exit()


if __name__ == "__main__":
    main()
