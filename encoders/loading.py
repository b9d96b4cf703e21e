"""From a setting to an encoder: `twinspace-mini`, a folder, or a hub name."""

from __future__ import annotations

from pathlib import Path

from encoders.base import Encoder, EncoderError
from encoders.openmp import release_threads

SHIPPED = {"twinspace-mini": Path(__file__).parent / "weights" / "twinspace-mini"}

HELP = (
    "`twinspace-mini` (ships with Twinspace, works offline), a folder (trained by `twinspace train`, or a "
    "transformers checkpoint), or a Hugging Face hub name such as `openai/clip-vit-base-patch32`"
)


def load_encoder(name: str) -> Encoder:
    """Raises `EncoderError` with what to do. Imports torch only when called."""
    try:
        return _load(name)
    finally:
        release_threads()


def _load(name: str) -> Encoder:
    if name in SHIPPED:
        return _dual(SHIPPED[name])
    folder = Path(name).expanduser()
    if folder.is_dir() and name.strip():
        if (folder / "twinspace.json").is_file():
            return _dual(folder)
        if (folder / "config.json").is_file():
            return _transformer(name)
        raise EncoderError(f"The folder {name} holds no encoder (no twinspace.json, no config.json).")
    if name.count("/") == 1 and not name.startswith(("/", ".", "~")):
        return _transformer(name)
    raise EncoderError(f"There is no encoder {name!r}. Choose {HELP}.")


def _dual(folder: Path) -> Encoder:
    from encoders.dual import load_dual

    return load_dual(folder)


def _transformer(name: str) -> Encoder:
    from encoders.transformer import load_transformer

    return load_transformer(name)
