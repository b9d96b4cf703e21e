"""Trained heads to a folder that `TWINSPACE_ENCODER` loads."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from encoders.heads import pack_heads
from encoders.manifest import HEADS, MANIFEST, Manifest, TowerEntry, vocabulary_file
from encoders.towers.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainedPart:
    """One tower's entry and what was learned for it."""

    entry: TowerEntry
    head: nn.Module
    learned_tower: nn.Module | None = None
    vocabulary: Vocabulary | None = None


def write_folder(
    folder: Path,
    image: TrainedPart,
    texts: list[TrainedPart],
    *,
    dim: int,
    temperature: float,
    licence: str,
    training: dict[str, Any],
) -> None:
    """Writes the description last: a folder with `twinspace.json` is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = pack_heads(
        {name: tensor for part in (image, *texts) for name, tensor in _tensors(part).items()},
        {part.entry.role: part.entry.fingerprint for part in (image, *texts)},
    )
    manifest = Manifest(
        name=_slug(folder.resolve().name),
        dim=dim,
        image=image.entry,
        texts=tuple(part.entry for part in texts),
        heads_sha256=hashlib.sha256(packed).hexdigest(),
        temperature=temperature,
        licence=licence,
        training=training,
    )
    for part in texts:
        if part.vocabulary:
            (folder / vocabulary_file(part.entry)).write_text(part.vocabulary.to_json() + "\n")
    (folder / HEADS).write_bytes(packed)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2, exclude_none=True) + "\n")


def _tensors(part: TrainedPart) -> dict[str, Any]:
    role = part.entry.role
    tensors = {f"{role}.head.{name}": tensor for name, tensor in part.head.state_dict().items()}
    if part.learned_tower:
        learned = part.learned_tower.state_dict().items()
        tensors |= {f"{role}.tower.{name}": tensor for name, tensor in learned}
    return tensors


def _slug(name: str) -> str:
    """Space names are parts of collection names: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "trained"
