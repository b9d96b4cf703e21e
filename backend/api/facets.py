"""Which tags and metadata there are, and how many items have each: what a page offers to filter by."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from flask import Blueprint, Response
from pydantic import AfterValidator, Field

from backend.api.answers import Answer, answer
from backend.api.document import Operation, describe
from backend.api.models import Lenient, Limit
from backend.api.parsing import query_model
from backend.api.state import api, tenant
from backend.catalogue.facets import facets
from backend.store.base import KINDS

blueprint = Blueprint("facets", __name__)

FIELD = r"^(tags|metadata|metadata\.[^\x00]+)$"


def _is_a_field(value: str) -> str:
    if not re.fullmatch(FIELD, value):
        raise ValueError("Values are counted of `tags`, of `metadata` (its keys) and of `metadata.KEY`.")
    return value


class FacetParameters(Lenient):
    field: Annotated[str, AfterValidator(_is_a_field)] = Field(
        max_length=1000,
        json_schema_extra={"pattern": FIELD},
        description="`tags`; `metadata`, whose values are the keys there are; or `metadata.KEY`, the values "
        "of one key as texts.",
        examples=["tags", "metadata.place"],
    )
    kind: Literal["image", "caption"] | None = Field(
        None, description="Left out: both are counted.", examples=["image"]
    )
    limit: Limit = Field(100, description="Values, the most frequent ones.", examples=[20])


class FacetValue(Answer):
    value: str
    count: int


class FacetsAnswer(Answer):
    field: str
    values: list[FacetValue] = Field(description="Most frequent first.")


@blueprint.get("/v1/facets")
@describe(
    Operation(
        "Count the values of a field",
        "How many indexed items have each tag, or each value of one key of their metadata.",
        answers={200: FacetsAnswer},
        query=FacetParameters,
        example={
            "field": "tags",
            "values": [{"value": "holiday", "count": 12}, {"value": "2026", "count": 3}],
        },
        problems=(422, 503),
    )
)
def list_facets() -> Response:
    state = api()
    wanted = query_model(FacetParameters)
    kinds = KINDS if wanted.kind is None else (wanted.kind,)
    store, space = state.services.store, state.encoder.space.name
    found = facets(store, space, tenant(), wanted.field, kinds, wanted.limit)
    values = [{"value": facet.value, "count": facet.count} for facet in found]
    return answer({"field": wanted.field, "values": values})
