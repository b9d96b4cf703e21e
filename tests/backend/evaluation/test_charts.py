"""What a chart draws is what was measured, and every chart is well-formed."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.evaluation import charts
from backend.evaluation.recall import recall
from backend.evaluation.similarities import similarities


def parts(svg: str, tag: str, kind: str) -> list[list[tuple[float, float]]]:
    """The points of each part of a kind."""
    found = [e for e in ElementTree.fromstring(svg).iter(tag) if kind in e.attrib["class"].split()]
    return [[tuple(map(float, pair.split(","))) for pair in e.attrib["points"].split()] for e in found]


def test_a_curve_passes_through_the_figures() -> None:
    first, second = (
        recall(np.array([1, 1, 2, 400]), np.arange(4)),
        recall(np.array([1, 1, 1, 1]), np.arange(4)),
    )
    lines = parts(charts.recall_curves("Title", [first, second], 1000), "polyline", "line")
    top, bottom = charts.TOP, charts.HEIGHT - charts.BOTTOM
    assert [y for _, y in lines[1]] == pytest.approx([top] * 100, abs=0.1)
    assert lines[0][0] == pytest.approx((charts.LEFT, (top + bottom) / 2), abs=0.1)
    assert lines[0][1][1] == pytest.approx(bottom + 0.75 * (top - bottom), abs=0.1)
    assert lines[0][-1][0] == pytest.approx(charts.WIDTH - charts.RIGHT, abs=0.1)


def test_a_curve_ends_where_there_is_nothing_more_to_find() -> None:
    [line] = parts(
        charts.recall_curves("Title", [recall(np.array([1, 3]), np.arange(2))], 7), "polyline", "line"
    )
    assert len(line) == 7


def test_titles_cannot_break_out() -> None:
    svg = charts.recall_curves("</title><script>", [recall(np.array([1]), np.arange(1))], 1)
    assert "<script" not in svg
    ElementTree.fromstring(svg)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_charts_stay_inside_their_frame(pictures: int, captions: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    images = random.normal(size=(pictures, 4)).astype(np.float32)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    image_of = np.repeat(np.arange(pictures), captions)
    texts = images[random.integers(0, pictures, len(image_of))]
    histogram = charts.similarity_histogram("Title", similarities(images, texts, image_of))
    ranks = random.integers(1, pictures + 1, len(image_of))
    curves = charts.recall_curves("Title", [recall(ranks, image_of)], pictures)
    drawn = parts(histogram, "polygon", "bars") + parts(curves, "polygon", "band")
    assert len(drawn) == 3
    for x, y in (point for points in drawn for point in points):
        assert charts.LEFT - 0.1 <= x <= charts.WIDTH - charts.RIGHT + 0.1
        assert charts.TOP - 0.1 <= y <= charts.HEIGHT - charts.BOTTOM + 0.1
