"""`twinspace.json`: what a folder of heads says about itself, so that a loader can check it before use."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from encoders.base import EncoderError

MANIFEST = "twinspace.json"
HEADS = "heads.safetensors"


class TowerEntry(BaseModel):
    """One tower and the head on top of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tower: str
    fingerprint: str
    languages: tuple[str, ...] = ()
    """BCP 47 tags; empty for the image tower."""


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
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
        parts = [str(self.format), self.heads_sha256, self.image.fingerprint]
        parts += [f"{entry.fingerprint}:{','.join(entry.languages)}" for entry in self.texts]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def towers(self) -> dict[str, str]:
        """Role (`image`, `text-en`, ...) to fingerprint."""
        return {"image": self.image.fingerprint} | {
            text_role(entry): entry.fingerprint for entry in self.texts
        }


def text_role(entry: TowerEntry) -> str:
    return f"text-{'-'.join(entry.languages)}"


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
