"""The shipped heads against what they have to reach, as `python -m bench.quality` measures it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import data, quality
from bench.bounds import Bounds
from encoders.base import Encoder
from encoders.loading import load_encoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("twinspace-mini")


@pytest.mark.parametrize(
    ("measure", "needed"),
    [(quality.flickr, "flickr8k"), (quality.coco, "coco_dev"), (quality.imagenet, "imagenet_dev")],
)
def test_every_bound_is_held(
    encoder: Encoder,
    measure: Callable[[Encoder, Bounds], None],
    needed: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert data.SHARED == SHARED
    if not (SHARED / needed).exists():
        pytest.skip(f"needs ../shared/data/{needed}")
    bounds = Bounds()
    measure(encoder, bounds)
    said = capsys.readouterr().out
    assert bounds.missed == 0, said
    assert "ok" in said
