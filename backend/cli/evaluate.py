"""`twinspace eval`: how often words find their picture and pictures their words."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import Json, load_settings, progress_bar
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from backend.evaluation.evaluate import Evaluation


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


def evaluate(
    images: Annotated[Path, typer.Option(help="Folder of the pictures.", exists=True, file_okay=False)],
    captions: Annotated[
        Path,
        typer.Option(
            help="csv (image,caption) or json ([{image, captions: []}]).", exists=True, dir_okay=False
        ),
    ],
    encoder: Annotated[
        str | None, typer.Option(help="Other than TWINSPACE_ENCODER.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a file with splits [default: val].", show_default=False)
    ] = None,
    language: Annotated[
        Language | None, typer.Option(help="Of a file with languages [default: en].", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure Recall@1/5/10 and median rank in both directions, through encoder and store."""
    from backend.cli.captions import choose, read_captions

    settings = load_settings(encoder=encoder)
    chosen = choose(read_captions(captions), split, language)
    from backend.evaluation.evaluate import evaluate as measure
    from encoders.base import EncoderError
    from encoders.loading import load_encoder

    try:
        loaded = load_encoder(settings.encoder)
    except EncoderError as error:
        raise ConfigurationError(str(error)) from error
    with progress_bar() as progress:
        bar = progress.add_task("encoding", total=len(chosen) + sum(len(texts) for _, texts in chosen))
        captioned = [(images / name, texts) for name, texts in chosen]
        result = measure(loaded, captioned, settings, lambda n: progress.advance(bar, n))
    for path, reason in result.skipped:
        typer.echo(f"Skipped {path}: {reason}", err=True)
    typer.echo(json.dumps(result.as_json()) if as_json else _table(result))


def _table(result: Evaluation) -> str:
    lines = [f"{result.space.name}: {result.images} pictures, {result.captions} captions"]
    lines.append(f"{'':16}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'median rank':>14}")
    for name, r in (("text to image", result.text_to_image), ("image to text", result.image_to_text)):
        lines.append(f"{name:16}{r.at_1:8.3f}{r.at_5:8.3f}{r.at_10:8.3f}{r.median_rank:14.1f}")
    return "\n".join(lines)
