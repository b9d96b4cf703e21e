"""Ranks through the store are those of a computation that has nothing to do with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.evaluation import retrieval
from backend.evaluation.retrieval import Ranking, rank_pairs
from backend.store.edge import EdgeStore
from encoders.base import Space

SPACE = Space("test-00000000", 24, "0" * 64, ("en",), "Apache-2.0")


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def check(found: Ranking, queries: np.ndarray, points: np.ndarray, answers: list[set[int]]) -> None:
    """All that a ranking says, from cosines of our own."""
    for at, (query, right) in enumerate(zip(queries, answers, strict=True)):
        cosines = points @ query
        order = np.argsort(-cosines, kind="stable").tolist()
        rank = min(order.index(row) for row in right) + 1
        other = next(row for row in order if row not in right)
        assert found.ranks[at] == rank
        assert found.margins[at] == pytest.approx(cosines[order[rank - 1]] - cosines[other], abs=1e-5)
        assert found.nearest[at].tolist() == order[:5]
        assert found.scores[at] == pytest.approx(cosines[order[:5]], abs=1e-5)


@pytest.mark.parametrize("first_limit", [5, 100])
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
    check(ranked.text_to_image, captions, images, [{i} for i in image_of])
    check(ranked.image_to_text, images, captions, captions_of)
    assert max(ranked.text_to_image.ranks) > 5  # Else only the first, short round would have been tried.


def test_where_everything_is_an_answer_nothing_else_is_found(tmp_path: Path) -> None:
    images = unit(np.ones((1, SPACE.dim)))
    captions = unit(np.ones((2, SPACE.dim)) + np.eye(2, SPACE.dim))
    store = EdgeStore(tmp_path / "vectors")
    try:
        ranked = rank_pairs(store, SPACE, images, captions, [0, 0])
    finally:
        store.close()
    assert ranked.text_to_image.ranks.tolist() == [1, 1]
    assert ranked.text_to_image.nearest.tolist() == [[0, -1, -1, -1, -1]] * 2
    assert ranked.image_to_text.margins == pytest.approx(ranked.image_to_text.scores[:, 0])
