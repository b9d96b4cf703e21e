"""torchvision and everything on top of it imports, whatever torch it stands beside."""

from __future__ import annotations

import subprocess
import sys


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


def test_torchvision_imports_and_transforms_work() -> None:
    code = """
import encoders.torchvision_operators
import gc
gc.collect()
from torchvision.transforms import v2
import torch
print(tuple(v2.functional.resize(torch.zeros(3, 10, 20), [5, 10]).shape))
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(3, 5, 10)"


def test_operators_that_exist_are_left_alone() -> None:
    code = """
import torch
own = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    own.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import encoders.torchvision_operators as operators
print(operators._library)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "None"
