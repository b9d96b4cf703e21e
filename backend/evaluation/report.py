"""An evaluation as one HTML file that people look at: no network, no script, pictures inside."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from backend.evaluation import charts, examples
from backend.evaluation.evaluate import UNNAMED, Evaluation
from backend.evaluation.recall import CUTS
from encoders.images import ImageError, read_picture

THUMBNAIL = 200
"""Pixels of the longest side, for at most 110 pictures a language: a report stays below two megabytes."""
NAMES = {"en": "English", "zh": "Chinese", UNNAMED: ""}
SKIPPED_SHOWN = 50


def write_report(evaluation: Evaluation, file: Path, max_pixels: int) -> None:
    """Raises `OSError` where the file cannot be written."""
    html = render(evaluation, max_pixels)
    # File names that are not UTF-8 arrive with lone surrogates, which no encoding can write.
    file.write_bytes(html.encode("utf-8", "replace"))


def render(evaluation: Evaluation, max_pixels: int) -> str:
    """The whole document; whatever comes from captions and file names is escaped."""
    environment = Environment(
        loader=PackageLoader("backend.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        evaluation=evaluation,
        names=NAMES,
        labels=[NAMES[one.language] or "all captions" for one in evaluation.languages],
        cuts=CUTS,
        curves=list(_curves(evaluation)),
        cosine=lambda value: charts.minus(f"{value:.3f}"),
        histogram=charts.similarity_histogram,
        examples=examples,
        thumbnail=cache(lambda path: _data_uri(path, max_pixels)),
        skipped_shown=SKIPPED_SHOWN,
        version=version("twinspace"),
        now=datetime.now(UTC),
    )


def _curves(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Name, what is searched, and chart; one line a language."""
    first, languages = evaluation.languages[0], evaluation.languages
    text_to_image = [one.text_to_image.recall for one in languages]
    image_to_text = [one.image_to_text.recall for one in languages]
    pictures, captions = len(first.pictures), len(first.captions)
    yield (
        "Text → image",
        f"among {pictures:,} pictures",
        charts.recall_curves("Text to image", text_to_image, pictures),
    )
    yield (
        "Image → text",
        f"among {captions:,} captions",
        charts.recall_curves("Image to text", image_to_text, captions),
    )


def _data_uri(path: Path, max_pixels: int) -> str | None:
    """None for a picture that has gone since it was measured."""
    try:
        picture = read_picture(path.read_bytes(), max_pixels)
    except (OSError, ImageError):
        return None
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=72)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
