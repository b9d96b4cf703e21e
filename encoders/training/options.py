"""What a training run is asked for, and its claim on the folder that it will write."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from encoders.towers.efficientnet import EfficientNetLite2
from encoders.towers.minilm import MiniLM
from encoders.training.dataset import Dataset
from encoders.training.progress import TrainingError
from encoders.training.recipe import FROM_SCRATCH, Recipe

WORK = "training"
RUN = "run.txt"


@dataclass(frozen=True)
class Options:
    out: Path
    cache: Path
    """Folder of cached features; runs with other options share it."""
    text_tower: str = MiniLM.name
    image_tower: str = EfficientNetLite2.name
    image_weights: Path | None = None
    """State dict of a torchvision network."""
    seed: int = 0
    licence: str = "that of the training data"
    afresh: bool = False
    """Keep away from the shipped heads, however few the pictures are."""
    recipe: Recipe = FROM_SCRATCH


def claim_folder(options: Options, dataset: Dataset) -> Path:
    """The folder for checkpoints inside `options.out`: new, or that of the same run, interrupted."""
    work = options.out / WORK
    run = _run_key(options, dataset)
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        if not work.exists():
            raise TrainingError(
                f"{options.out} exists and is not empty: choose another folder, or remove it."
            )
        if _checkpoints(work) and (work / RUN).read_text() != run:
            raise TrainingError(
                f"{options.out} holds an interrupted training with other options or data: remove it, "
                "or call it as before to go on."
            )
    work.mkdir(parents=True, exist_ok=True)
    (work / RUN).write_text(run)
    return work


def abandon_folder(work: Path) -> None:
    """Leaves nothing of a run that could not start."""
    if not _checkpoints(work):
        shutil.rmtree(work)
        if not any(work.parent.iterdir()):
            work.parent.rmdir()


def _checkpoints(work: Path) -> list[Path]:
    return list(work.glob("*.pt"))


def release_folder(work: Path) -> None:
    """Checkpoints have served their purpose."""
    shutil.rmtree(work)


def _run_key(options: Options, dataset: Dataset) -> str:
    settings = {name: value for name, value in asdict(options).items() if name not in ("out", "cache")}
    return hashlib.sha256(f"{settings}\n{dataset}".encode()).hexdigest()
