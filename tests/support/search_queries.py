"""Search queries of every kind, as hypothesis makes them up."""

from __future__ import annotations

from hypothesis import strategies as st

from backend.catalogue.search.queries import SearchQuery, TextPart
from backend.store.base import Filter, Range

TEXTS = ("red dog", "green snow 2024", "blue cat", "红 狗", "the", "red")
CAPTIONS = (
    "a red dog",
    "two dogs in the snow",
    "blue cat 2024",
    "一只红色的狗",
    "green grass",
    "the red cat",
)

FILTERS = st.builds(
    Filter,
    tenant=st.just(""),
    tags_any=st.sampled_from([(), (), ("a",), ("a", "b")]),
    tags_none=st.sampled_from([(), (), ("b",)]),
    exists=st.sampled_from([(), (), ("price",)]),
    missing=st.sampled_from([(), (), (), ("price",)]),
    ranges=st.sampled_from([(), (), (Range("price", gte=2.0, lt=4.0),)]),
    has_caption=st.sampled_from([None, None, None, True, False]),
)
ORDERS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["dense", "hybrid", "lexical"]),
        "merge": st.sampled_from([None, "rrf"]),
        "diversify": st.sampled_from([0.0, 0.0, 0.3, 1.0]),
        "group_by": st.sampled_from([None, "image"]),
        "order_by": st.sampled_from(["relevance", "relevance", "created_at"]),
    }
).map(lambda order: {**order, "diversify": 0.0} if order["order_by"] == "created_at" else order)


@st.composite
def search_queries(draw: st.DrawFn) -> SearchQuery:
    order = draw(ORDERS)
    weights = st.sampled_from([1.0, 1.0, 2.0, 0.3])
    parts = draw(st.lists(st.builds(TextPart, st.sampled_from(TEXTS), weights), min_size=1, max_size=3))
    if draw(st.booleans()):
        parts.append(TextPart(draw(st.sampled_from(["grey", "dog", "cat 2024"])), -0.2))
    return SearchQuery(
        tuple(parts),
        draw(FILTERS),
        kinds=draw(st.sampled_from([("image", "caption"), ("image",), ("caption",), ("caption", "image")])),
        min_score=draw(st.sampled_from([None, None, None, 0.1, 0.5])),
        min_relevance=draw(st.sampled_from([None, None, None, 0.05, 0.5])),
        **order,
    )
