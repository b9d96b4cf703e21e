"""`twinspace eval`: how often words find their picture and pictures their words."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import Captions, Json, Pictures, Split, load_settings, progress_bar
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from backend.cli.captions import Entry
    from backend.evaluation.evaluate import Evaluation


class Language(StrEnum):
    EN = "en"
    ZH = "zh"


def evaluate(
    images: Pictures,
    captions: Captions,
    encoder: Annotated[
        str | None, typer.Option(help="Other than TWINSPACE_ENCODER.", show_default=False)
    ] = None,
    split: Split = None,
    language: Annotated[
        Language | None, typer.Option(help="Of a file with languages [default: each].", show_default=False)
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write a page with charts and pictures.", dir_okay=False, show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how well words find pictures, and pictures words.

    Recall@1/5/10 and median rank in both directions, through encoder and store.
    """
    from backend.cli.captions import read_captions, without_blanks

    settings = load_settings(encoder=encoder)
    captioned = _by_language(images, without_blanks(read_captions(captions)), split, language)
    if report is not None and not report.absolute().parent.is_dir():
        raise InvalidRequest(f"There is no folder for {report}.")  # Said before minutes of work, not after.
    from backend.encoder import load_chosen
    from backend.evaluation.evaluate import evaluate as measure
    from backend.evaluation.evaluate import pictures_of
    from backend.evaluation.report import write_report

    loaded = load_chosen(settings)
    texts = sum(len(texts) for entries in captioned.values() for _, texts in entries)
    with progress_bar() as progress:
        bar = progress.add_task("encoding", total=len(pictures_of(captioned)) + texts)
        result = measure(loaded, captioned, settings, lambda n: progress.advance(bar, n))
    for path, reason in result.skipped:
        typer.echo(f"Skipped {path}: {reason}", err=True)
    if report is not None:
        write_report(result, report, settings.max_image_pixels)
    typer.echo(json.dumps(result.as_json()) if as_json else _table(result))


def _by_language(
    images: Path, entries: list[Entry], split: str | None, language: Language | None
) -> dict[str, list[tuple[Path, tuple[str, ...]]]]:
    """The language asked for, else each that the file names, else what it holds without naming one."""
    from backend.cli.captions import LANGUAGES, choose
    from backend.evaluation.evaluate import UNNAMED

    named = [name for name in LANGUAGES if any(name in entry.captions for entry in entries)]
    wanted: list[str] | list[None] = [language.value] if language else named or [None]
    chosen = {name or UNNAMED: choose(entries, split, name) for name in wanted}
    return {name: [(images / image, texts) for image, texts in pairs] for name, pairs in chosen.items()}


def _table(result: Evaluation) -> str:
    lines = [result.space.name]
    for one in result.languages:
        language = "" if one.language == "und" else f"{one.language}: "
        title = f"{language}{len(one.pictures)} pictures, {len(one.captions)} captions"
        lines += [title, f"  {'':16}{'R@1':>8}{'R@5':>8}{'R@10':>8}{'median rank':>14}"]
        for name, direction in (("text to image", one.text_to_image), ("image to text", one.image_to_text)):
            recall = direction.recall
            shares = "".join(f"{recall.at(k):8.3f}" for k in (1, 5, 10))
            lines.append(f"  {name:16}{shares}{recall.median_rank:14.1f}")
    return "\n".join(lines)
