"""`twinspace train`: an encoder of one's own, from pictures with captions, in minutes."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.cli.common import Captions, Pictures, progress_bar
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from encoders.training.train import Result

INTERRUPTED = 130
LARGEST_SEED = 2**63 - 1


def train(
    images: Pictures,
    captions: Captions,
    out: Annotated[Path, typer.Option(help="New folder, for TWINSPACE_ENCODER.")],
    text_tower: Annotated[str, typer.Option(help="minilm, word-vectors or tf-idf.")] = "minilm",
    image_tower: Annotated[
        str, typer.Option(help="efficientnet-lite2, or torchvision:resnet50 and its like.")
    ] = "efficientnet-lite2",
    image_weights: Annotated[
        Path | None,
        typer.Option(help="State dict for a torchvision tower.", dir_okay=False, show_default=False),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Same data, options and seed: same encoder.", min=0, max=LARGEST_SEED)
    ] = 0,
    licence: Annotated[
        str, typer.Option(help="Of the encoder, shown where it is used.")
    ] = "that of the training data",
    afresh: Annotated[
        bool,
        typer.Option("--afresh", help="Do not adapt the shipped heads, however few the pictures."),
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of computed features [default: ~/.cache/twinspace].", show_default=False),
    ] = None,
) -> None:
    """Train an encoder of your own on pictures with captions.

    200 pairs adapt the shipped heads, thousands train new ones. What is computed of the
    pictures is kept, and Ctrl-C loses nothing: the same command goes on.
    """
    from backend.cli.captions import read_captions

    entries = read_captions(captions)
    from encoders.base import EncoderError
    from encoders.training.dataset import Example
    from encoders.training.options import Options
    from encoders.training.train import train as run

    options = Options(
        out=out,
        cache=cache or user_cache(),
        text_tower=text_tower,
        image_tower=image_tower,
        image_weights=image_weights,
        seed=seed,
        licence=licence,
        afresh=afresh,
    )
    examples = [Example(images / entry.image, entry.all_captions(), entry.split) for entry in entries]
    try:
        with progress_bar() as progress:
            result = run(examples, options, _Terminal(progress))
    except EncoderError as error:
        raise InvalidRequest(str(error)) from error
    except KeyboardInterrupt:
        typer.echo("Interrupted: the same command goes on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    _summarise(result, images, captions, out)


class _Terminal:
    """Implements `encoders.training.progress.Listener`: a bar for each stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def advance(self, stage: str, done: int, total: int) -> None:
        kind = stage.split(" (")[0]  # What is in brackets changes while the stage goes on.
        if kind not in self._tasks:
            self._tasks[kind] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[kind], description=stage, completed=done, total=total)

    def say(self, message: str) -> None:
        self._progress.console.print(message, markup=False, highlight=False, soft_wrap=True)


def user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "twinspace"


def _summarise(result: Result, images: Path, captions: Path, out: Path) -> None:
    if result.adaptation is not None:
        _say_whether_it_helped(result)
    for direction, figures in result.metrics.items():
        recalls = "  ".join(f"R@{k} {figures[f'recall@{k}']:.3f}" for k in (1, 5, 10))
        typer.echo(f"{direction:18}  {recalls}  median rank {figures['median_rank']:.0f}")
    # The whole path: the name of a shipped encoder would mean that one.
    use = f"TWINSPACE_ENCODER={shlex.quote(str(out.resolve()))}"
    files = f"--images {shlex.quote(str(images))} --captions {shlex.quote(str(captions))}"
    typer.echo(f"Trained in {result.seconds:.0f} s. To use it: {use}")
    typer.echo(f"What `relevance` means in it is fitted by: {use} twinspace calibrate {files}")


def _say_whether_it_helped(result: Result) -> None:
    from encoders.training.twin import score_of

    adaptation = result.adaptation
    if adaptation is None:
        return
    before, after = score_of(adaptation.before), score_of(adaptation.after)
    verdict = "helped" if adaptation.helped else "did not help, so the shipped heads are kept"
    typer.echo(
        f"Adapting {verdict}: mean recall on {adaptation.pictures} held-out pictures "
        f"{before:.3f} before, {after:.3f} after."
    )
