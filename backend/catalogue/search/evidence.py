"""What the scores of hits tell that their ranks do not: whether a few of them are what was looked for, and
how much it means not to be among them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from backend.store.base import ScoredPoint

PAGE = 10
"""Hits that are looked at first."""
STANDING_OUT = 0.6
"""By so much of its score the best hit must be better than the second to stand out."""
ALIKE = 0.6
"""Hits with so much of the best one's score stand out together with it."""
FEW = 5
"""Hits that can stand out together, such as all captions of a picture; more are what common words find."""


def standing_out(points: Sequence[ScoredPoint]) -> Collection[str]:
    """Those of these hits (best first) that are a class of their own: they hold a name, a number or another
    rare word of the query. Empty where none do."""
    if not points or points[0].score <= 0:
        return ()
    top = {point.id for point in points if point.score >= ALIKE * points[0].score}
    return top if len(top) <= FEW else ()


def likely_found(described: Collection[str], points: Sequence[ScoredPoint]) -> float:
    """That a picture near the query, were it described, would be among these hits (best first): so, when half
    of the `described` that are near it are; less, when the hits are so few that they keep nobody off a page,
    or the best stands out, as where a name is looked for."""
    if not points:
        return 0.0
    found = {point.id for point in points}
    share = sum(id in found for id in described) / (len(described) + 1)
    best = points[0].score
    alike = sum(point.score >= best - STANDING_OUT * abs(best) for point in points)
    return min(1.0, 2 * share) * min(1.0, len(points) / PAGE) * min(1.0, alike / 2)
