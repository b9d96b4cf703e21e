"""From a name to the files of a transformers checkpoint on disk, and what they are: fingerprint and licence.

The only place that talks to the Hugging Face hub. What was downloaded once is used from then on without
asking again: a checkpoint that changes upstream would otherwise be a new space overnight.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from encoders.base import EncoderError

_SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
_PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_PREPROCESSING = ("preprocessor_config.json", "processor_config.json")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model")
_SMALL_FILES = ["*.json", "*.txt", "*.model", "README.md"]
_DETERMINES_VECTORS = (
    "config.json",
    *_PREPROCESSING,
    "tokenizer*.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "added_tokens.json",
    "special_tokens_map.json",
)


@dataclass(frozen=True)
class Checkpoint:
    name: str
    folder: Path

    def fingerprint(self, version: str) -> str:
        """SHA-256 (hex) of `version` and of every file that determines vectors."""
        paths = {path for pattern in _DETERMINES_VECTORS for path in self.folder.glob(pattern)}
        digest = hashlib.sha256(version.encode())
        for path in sorted(paths | set(_weight_files(self.folder))):
            with path.open("rb") as file:
                digest.update(f"\0{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
        return digest.hexdigest()

    def licence(self) -> str:
        """As the model card's front matter says, else "unknown"."""
        card = self.folder / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        front_matter = text.split("\n---", 1)[0] if text.startswith("---") else ""
        named = dict(
            re.findall(r"^(license|license_name):[ \t]*[\"']?([^\s\"']+)", front_matter, re.MULTILINE)
        )
        licence: str = named.get("license", "unknown")
        return named.get("license_name", licence) if licence == "other" else licence


def find_checkpoint(name: str) -> Checkpoint:
    """`name` is a folder or a hub name. Raises `EncoderError` when files are missing or cannot be had."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        missing = _missing_files(folder)
        if missing:
            raise EncoderError(f"The folder {folder} is no complete checkpoint: it lacks {missing}.")
        return Checkpoint(folder.resolve().name, folder)
    return Checkpoint(name, _from_hub(name))


def _missing_files(folder: Path) -> str | None:
    """What a checkpoint needs and this folder does not hold, in words."""
    needs = {
        "config.json": ("config.json",),
        "preprocessor_config.json": _PREPROCESSING,
        "a tokenizer's vocabulary": _VOCABULARIES,
    }
    missing = [what for what, names in needs.items() if not any((folder / name).is_file() for name in names)]
    weights = _weight_files(folder)
    if not weights:
        missing.append("weights (model.safetensors)")
    missing += [path.name for path in weights if not path.is_file()]
    return ", ".join(missing) or None


def _weight_files(folder: Path) -> list[Path]:
    """Safetensors before pickles, the order in which transformers looks; shards in the order of names."""
    for name in (*_SAFETENSORS, *_PICKLES):
        path = folder / name
        if path.is_file():
            return _shards(path) if name.endswith(".index.json") else [path]
    return []


def _shards(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text())["weight_map"].values())
        return sorted(index.parent / name for name in names)
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise EncoderError(f"{index} is no index of weight files.") from error


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        cached = Path(snapshot_download(name, local_files_only=True))
        if _missing_files(cached) is None:
            return cached
    except OSError:
        pass  # Not in the cache: LocalEntryNotFoundError is a FileNotFoundError.
    except ValueError as error:
        raise EncoderError(f"{name} is neither a folder nor a name on the Hugging Face hub.") from error
    return _download(name)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, allow_patterns=[*_SMALL_FILES, "model*.safetensors"]))
        if not _weight_files(folder):
            folder = Path(snapshot_download(name, allow_patterns=[*_SMALL_FILES, "pytorch_model*.bin"]))
    except Exception as error:  # The hub client raises its own, httpx's and the system's errors.
        raise _not_to_be_had(name, _first_line(error)) from error
    missing = _missing_files(folder)
    if missing:  # Without a network the client returns what the cache holds, complete or not.
        raise _not_to_be_had(name, f"it lacks {missing}")
    return folder


def _not_to_be_had(name: str, reason: str) -> EncoderError:
    return EncoderError(
        f"There is no folder {name}, and the checkpoint of that name cannot be had from the Hugging Face hub "
        f"({reason}). Check the name and the network, or fetch it where there is one "
        f"(`hf download {name} --local-dir FOLDER`) and give that folder instead."
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
