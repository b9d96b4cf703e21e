"""What a search or a classification may be asked besides its query, for editors and type checkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

SearchOptions = TypedDict(
    "SearchOptions",
    {
        "return": Sequence[Literal["images", "captions"]],
        "limit": int,
        "cursor": str | None,
        "filter": Mapping[str, Any],
        "mode": Literal["dense", "lexical", "hybrid"],
        "hybrid": bool,
        "min_score": float | None,
        "min_relevance": float | None,
        "merge": Literal["rrf"] | None,
        "diversify": float | None,
        "group_by": Literal["image"] | None,
        "order_by": Literal["relevance", "created_at"],
    },
    total=False,
)
"""See `POST /v1/search`. `return` is a word of Python's: give it as `**{"return": ["images"]}`."""


class ClassifyOptions(TypedDict, total=False):
    templates: Sequence[str]
    """Each with `{}` where the label goes; the label's vector is the mean over all of them."""
    top: int
