"""Lets torchvision be imported beside a torch that its compiled operators were not built for.

The torchvision on PyPI is linked against CUDA. Beside a CPU-only torch its library does not load, and
`import torchvision` (and with it timm and the vision half of transformers) then fails on the schemas
of two detection operators that nothing here calls. Importing this module first declares those schemas;
where torchvision's own library loads, it does nothing.
"""

from __future__ import annotations

import importlib.util
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from pathlib import Path

import torch

_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def _load_own_operators() -> None:
    """Loads torchvision's compiled library as torchvision itself would, so that what is missing afterwards
    is really missing."""
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        return
    finder = FileFinder(str(Path(package.origin).parent), (ExtensionFileLoader, EXTENSION_SUFFIXES))
    library = finder.find_spec("_C")
    if library is None or library.origin is None:
        return
    try:
        torch.ops.load_library(library.origin)  # type: ignore[no-untyped-call]
    except OSError:
        return  # Linked against libraries that are not here: the case this module exists for.


def _declare_missing() -> torch.library.Library | None:
    if not all(hasattr(torch.ops.torchvision, name) for name in _SCHEMAS):
        _load_own_operators()
    missing = [schema for name, schema in _SCHEMAS.items() if not hasattr(torch.ops.torchvision, name)]
    if not missing:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in missing:
        library.define(schema)  # type: ignore[no-untyped-call]
    return library


# The declarations live as long as this object: were it collected, the operators would go with it.
_library = _declare_missing()
