"""Trained heads to a folder that `TWINSPACE_ENCODER` loads."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from encoders.heads import ProjectionHead, pack_heads
from encoders.manifest import HEADS, MANIFEST, Manifest, TowerEntry, text_role


def write_folder(
    folder: Path,
    *,
    name: str,
    image: tuple[TowerEntry, ProjectionHead],
    texts: list[tuple[TowerEntry, ProjectionHead]],
    temperature: float,
    licence: str,
    training: dict[str, Any],
) -> None:
    """Writes heads first and the description last: a folder with `twinspace.json` is complete."""
    entries = tuple(entry for entry, _ in texts)
    roles = {"image": image[1]} | {text_role(entry): head for entry, head in texts}
    tensors = {
        f"{role}.{key}": tensor for role, head in roles.items() for key, tensor in head.state_dict().items()
    }
    towers = {"image": image[0].fingerprint} | {text_role(entry): entry.fingerprint for entry in entries}
    packed = pack_heads(tensors, towers)
    manifest = Manifest(
        name=name,
        dim=image[1].norm.normalized_shape[0],
        image=image[0],
        texts=entries,
        heads_sha256=hashlib.sha256(packed).hexdigest(),
        temperature=temperature,
        licence=licence,
        training=training,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / HEADS).write_bytes(packed)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")
