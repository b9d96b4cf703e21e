"""`twinspace.json`: what a folder of heads says about itself, so that a loader can check it before use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from encoders.base import EncoderError
from encoders.heads import HeadKind

MANIFEST = "twinspace.json"
HEADS = "heads.safetensors"


class TowerEntry(BaseModel):
    """One tower and the kind of head on top of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tower: str
    fingerprint: str
    language: str | None = None
    """BCP 47 tag of what a text tower reads."""
    head: HeadKind = "residual"
    weights: str | None = None
    """File of a tower whose weights the user brought: looked for in the folder, then at this path."""

    @property
    def role(self) -> str:
        """`image`, `text-en`, `text-zh`: names tensors and files."""
        return f"text-{self.language}" if self.language else "image"


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    dim: int
    image: TowerEntry
    texts: tuple[TowerEntry, ...]
    heads_sha256: str
    temperature: float
    """Of the softmax over cosines that the heads were trained with: turns scores into probabilities."""
    licence: str
    training: dict[str, Any] = {}
    """Data, seed and validation figures, for people; determines nothing."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines vectors; name, licence and training notes do not."""
        entries = [f"{entry.role} {entry.head} {entry.fingerprint}" for entry in (self.image, *self.texts)]
        return hashlib.sha256("\n".join([str(self.format), self.heads_sha256, *entries]).encode()).hexdigest()

    @property
    def towers(self) -> dict[str, str]:
        """Role to fingerprint, as the heads file repeats it."""
        return {entry.role: entry.fingerprint for entry in (self.image, *self.texts)}


def vocabulary_file(entry: TowerEntry) -> str:
    return f"vocabulary-{entry.language}.json"


def read_manifest(folder: Path) -> Manifest:
    """Raises `EncoderError` when the folder's description is missing or is not one."""
    file = folder / MANIFEST
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except OSError as error:
        raise EncoderError(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise EncoderError(f"{file} does not describe a dual encoder: {where}: {first['msg']}") from error
