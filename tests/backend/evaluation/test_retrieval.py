"""Ranks through the store are those of a computation that has nothing to do with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import retrieval
from backend.evaluation.retrieval import rank_pairs
from backend.store.edge import EdgeStore
from encoders.base import Space

SPACE = Space("test-00000000", 24, "0" * 64, ("en",), "Apache-2.0")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute_force(queries: np.ndarray, points: np.ndarray, answers: list[set[int]]) -> list[int]:
    ranks = []
    for query, right in zip(queries, answers, strict=True):
        order = np.argsort(-(points @ query), kind="stable").tolist()
        ranks.append(min(order.index(row) for row in right) + 1)
    return ranks


@pytest.mark.parametrize("first_limit", [3, 100])
def test_ranks_are_those_of_brute_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_limit: int
) -> None:
    monkeypatch.setattr(retrieval, "FIRST_LIMIT", first_limit)
    random = np.random.default_rng(7)
    images = unit(random.normal(size=(90, SPACE.dim)))
    image_of = [row for row in range(90) for _ in range(1 + row % 3)]
    captions = unit(images[image_of] + 0.35 * random.normal(size=(len(image_of), SPACE.dim)))
    store = EdgeStore(tmp_path / "vectors")
    try:
        ranked = rank_pairs(store, SPACE, images, captions, image_of)
    finally:
        store.close()
    captions_of: list[set[int]] = [set() for _ in range(90)]
    for caption, image in enumerate(image_of):
        captions_of[image].add(caption)
    assert ranked.text_to_image.tolist() == brute_force(captions, images, [{i} for i in image_of])
    assert ranked.image_to_text.tolist() == brute_force(images, captions, captions_of)
    assert max(ranked.text_to_image) > 3  # Else only the first, short round would have been tried.
