"""Charts as SVG without script or outside parts, coloured by the page that holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from backend.evaluation.recall import Recall
from backend.evaluation.similarities import Similarities

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 40
DEPTHS = (1, 2, 5, 10, 20, 50, 100)

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class _Axes:
    """From values to places; `x` may be logarithmic."""

    x_range: tuple[float, float]
    y_top: float
    logarithmic: bool = False

    def x(self, value: float) -> float:
        low, high = self.x_range
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return LEFT + (value - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.y_top * (HEIGHT - TOP - BOTTOM)

    def points(self, xs: Iterable[float], ys: Iterable[float]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))


def recall_curves(title: str, recalls: Sequence[Recall], total: int) -> Markup:
    """Recall against k, a line each with its 95 % band, up to `total` things that can be found; dashed is
    what chance would find where each query has one answer."""
    depth = max(2, min(len(recalls[0].shares), total))
    ks = np.arange(1, depth + 1)
    axes = _Axes((1, depth), 1.0, logarithmic=True)
    parts = [
        _y_grid(axes, (0, 0.25, 0.5, 0.75, 1), "{:.2f}"),
        _x_ticks(axes, [k for k in DEPTHS if k <= depth]),
    ]
    parts.append(_label("k: how many hits are looked at"))
    chance = np.minimum(1, ks / max(1, total))
    parts.append(f'<polyline class="chance" points="{axes.points(ks, chance)}"/>')
    for number, recall in enumerate(recalls):
        shares, low, high = (values[:depth] for values in (recall.shares, recall.low, recall.high))
        band = f"{axes.points(ks, low)} {axes.points(ks[::-1], high[::-1])}"
        parts.append(f'<polygon class="band series-{number}" points="{band}"/>')
        parts.append(f'<polyline class="line series-{number}" points="{axes.points(ks, shares)}"/>')
    return _svg(f"{title}: recall against k", parts)


def similarity_histogram(title: str, of: Similarities) -> Markup:
    """The cosines of matching pairs over those of other pairs, each as shares of their own kind."""
    axes = _Axes((float(of.edges[0]), float(of.edges[-1])), 1.05 * float(max(*of.matching, *of.others)))
    parts = [_x_ticks(axes, _round_numbers(*axes.x_range)), _label("cosine of a caption and a picture")]
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{axes.y(0)}" y2="{axes.y(0)}"/>')
    for number, (shares, mean) in enumerate(((of.matching, of.matching_mean), (of.others, of.others_mean))):
        xs = np.repeat(of.edges, 2)
        ys = np.concatenate([[0], np.repeat(shares, 2), [0]])
        parts.append(f'<polygon class="bars series-{number}" points="{axes.points(xs, ys)}"/>')
        x = axes.x(mean)
        parts.append(
            f'<line class="mean series-{number}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{axes.y(0):.1f}"/>'
        )
    return _svg(f"{title}: cosines of matching and of other pairs", parts)


def minus(number: str) -> str:
    """With the sign that is as wide as a digit."""
    return number.replace("-", "−")


def _y_grid(axes: _Axes, values: Values, form: str) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{axes.y(v):.1f}" y2="{axes.y(v):.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{axes.y(v) + 4:.1f}" text-anchor="end">{form.format(v)}</text>'
        for v in values
    )


def _x_ticks(axes: _Axes, values: Values) -> str:
    y = HEIGHT - BOTTOM + 18
    return "".join(
        f'<text class="tick" x="{axes.x(v):.1f}" y="{y}" text-anchor="middle">{minus(f"{v:g}")}</text>'
        for v in values
    )


def _round_numbers(low: float, high: float) -> list[float]:
    """Multiples of a round step, four to nine of them."""
    span = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(span))
    step = next(step * part for part in (1, 0.5, 0.2, 0.1) if span / (step * part) >= 4)
    first = math.ceil(low / step)
    return [round(number * step, 10) for number in range(first, math.floor(high / step) + 1)]


def _label(text: str) -> str:
    x = (LEFT + WIDTH - RIGHT) / 2
    return f'<text class="label" x="{x}" y="{HEIGHT - 4}" text-anchor="middle">{escape(text)}</text>'


def _svg(title: str, parts: Sequence[str]) -> Markup:
    content = f"<title>{escape(title)}</title>{''.join(parts)}"
    # Numbers of ours, and text that is escaped.
    return Markup(f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{content}</svg>')  # noqa: S704
