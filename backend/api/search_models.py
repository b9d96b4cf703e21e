"""What searches may say: the strict models of queries and their orders, with examples of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field
from pydantic import (
    Tag as Variant,
)

from backend.api.filter_models import SearchFilter
from backend.api.models import (
    WHOLE,
    Cursor,
    Id,
    Lenient,
    Limit,
    Strict,
    Text,
    Upload,
)

MAX_PARTS = 16
MAX_EMBED = 100
MAX_WEIGHT = 1000

# -- what to search for -----------------------------------------------------------------------
Weight = Annotated[
    float,
    Field(
        ge=-MAX_WEIGHT,
        le=MAX_WEIGHT,
        allow_inf_nan=False,
        description="How much this part counts; negative: less like this. What is searched for is the sum of "
        "the parts' vectors, each times its weight. Where texts and pictures are combined, the weights of "
        "each of the two are first divided by how far its cosines lie apart: pictures would drown words.",
        examples=[1, 0.5, -1],
    ),
]


class TextPart(Strict):
    text: Text = Field(examples=["a dog on the beach"])
    weight: Weight = 1.0


class ItemPart(Strict):
    item: Id = Field(
        description="A stored picture or caption. It is left out of the answer.",
        examples=["0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10"],
    )
    weight: Weight = 1.0


class FilePart(Strict):
    file: Annotated[int, Field(ge=0, lt=MAX_PARTS), WHOLE] = Field(
        description="Which of the uploaded pictures, counted from 0.", examples=[0]
    )
    weight: Weight = 1.0


def _part_variant(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    given = [name for name in ("text", "item", "file") if name in value]
    return f"<{given[0]}>" if len(given) == 1 else None


Part = Annotated[
    Annotated[TextPart, Variant("<text>")]
    | Annotated[ItemPart, Variant("<item>")]
    | Annotated[FilePart, Variant("<file>")],
    Discriminator(
        _part_variant,
        custom_error_type="part",
        custom_error_message="A part has exactly one of `text`, `item` and `file`",
    ),
]
Parts = Annotated[list[Part], Field(min_length=1, max_length=MAX_PARTS)]
QueryField = Annotated[
    Annotated[Text, Variant("<words>")] | Annotated[Parts, Variant("<parts>")],
    Discriminator(
        lambda value: {str: "<words>", list: "<parts>"}.get(type(value)),
        custom_error_type="query",
        custom_error_message="A query is a text or a list of parts",
    ),
    Field(
        description="A text, or up to 16 weighted parts: texts, stored items and uploaded pictures.",
        examples=["a dog on the beach", [{"text": "a dog"}, {"text": "snow", "weight": -0.5}]],
    ),
]


# -- in which order ---------------------------------------------------------------------------
Modality = Literal["images", "captions"]
Lists = Annotated[
    list[Modality],
    Field(min_length=1, max_length=2, description="Which lists to fill.", examples=[["images"]]),
]
Score = Annotated[
    float,
    Field(
        ge=-1, le=1, allow_inf_nan=False, description="Only hits with this cosine or more.", examples=[0.2]
    ),
]
Mode = Annotated[
    Literal["dense", "lexical", "hybrid"],
    Field(
        description="`dense`: by meaning. `lexical`: by the words themselves (BM25), in captions and those "
        "attached to pictures; a hit has one of the words at least. `hybrid`: by both, fused by rank; without"
        " words in the query it is `dense`. The words of a query are those of its texts and stored captions, "
        "unwanted ones count against; pictures have none.",
        examples=["hybrid"],
    ),
]
Hybrid = Annotated[bool, Field(description="`true` is short for `mode: hybrid`.", examples=[True])]
Relevance = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Only hits of this relevance or more: 0.25 cuts what scores lower than three quarters of "
        "true matches do, whatever is compared with whatever.",
        examples=[0.25],
    ),
]
Merge = Annotated[
    Literal["rrf"],
    Field(
        description="Also one list over both modalities, in `merged`, by reciprocal rank fusion: cosines of "
        "pictures and of captions cannot be compared, ranks can.",
        examples=["rrf"],
    ),
]
Diversify = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Maximal marginal relevance: 0 orders by rank alone, 1 makes each hit as different from "
        "those before it as it can be. Not together with `order_by: created_at`.",
        examples=[0.3],
    ),
]
GroupBy = Annotated[
    Literal["image"],
    Field(
        description="Captions of one picture stand together, where the best of them ranks; in `merged` the "
        "picture stands before them. Lists stay flat, and `limit` counts hits.",
        examples=["image"],
    ),
]
OrderBy = Annotated[
    Literal["relevance", "created_at"],
    Field(
        description="`created_at`: the hits (at most the 10,000 best of a list) by date, newest first. Best "
        "with `min_relevance` or `min_score`.",
        examples=["created_at"],
    ),
]


class SearchRequest(Strict):
    query: QueryField
    return_: Lists = Field(["images", "captions"], alias="return")
    limit: Limit = Field(20, description="Hits of each list.", examples=[20])
    cursor: Cursor | None = Field(default=None, description="`next_cursor` of the page before.")
    filter: SearchFilter = SearchFilter()
    mode: Mode = "dense"
    hybrid: Hybrid | None = None
    min_score: Score | None = None
    min_relevance: Relevance | None = None
    merge: Merge | None = None
    diversify: Diversify | None = None
    group_by: GroupBy | None = None
    order_by: OrderBy = "relevance"


def _read_flag(value: Any) -> Any:
    """`true` and `false` are the only spellings: the document says that this is a boolean."""
    return {"true": True, "false": False}.get(value, "neither")


class SearchParameters(Lenient):
    q: Text = Field(examples=["a dog on the beach"])
    limit: Limit = Field(20, description="Hits of each list.", examples=[20])
    return_: Lists = Field(["images", "captions"], alias="return")
    cursor: Cursor | None = None
    mode: Mode = "dense"
    hybrid: Annotated[Hybrid | None, BeforeValidator(_read_flag)] = None
    min_score: Score | None = None
    min_relevance: Relevance | None = None
    merge: Merge | None = None
    diversify: Diversify | None = None
    group_by: GroupBy | None = None
    order_by: OrderBy = "relevance"


class EmbedRequest(Strict):
    texts: list[Text] = Field(min_length=1, max_length=MAX_EMBED, examples=[["a dog", "a cat"]])


# -- forms, as the OpenAPI document shows them ------------------------------------------------
class SearchForm(Strict):
    request: SearchRequest = Field(
        description="The same JSON that can be sent as the whole body.",
        examples=[{"query": [{"file": 0}, {"text": "in the snow", "weight": 0.5}], "return": ["images"]}],
    )
    file: list[Upload] = Field(default=[], max_length=MAX_PARTS, description="Pictures that parts refer to.")


class EmbedForm(Strict):
    file: list[Upload] = Field(min_length=1, max_length=MAX_EMBED)
