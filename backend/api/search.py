"""Routes that search and embed."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response
from werkzeug.datastructures import FileStorage

from backend.api import search_models as models
from backend.api.answers import EmbedAnswer, SearchAnswer, answer, hit_document
from backend.api.document import Operation, describe
from backend.api.filters import store_filter
from backend.api.forms import is_multipart, need_multipart
from backend.api.parsing import json_body, query_model, validated
from backend.api.query_files import query_document, query_files, read_file, required
from backend.api.search_examples import EXAMPLES, FOUND
from backend.api.search_models import (
    MAX_EMBED,
    MAX_PARTS,
    EmbedForm,
    EmbedRequest,
    FilePart,
    SearchForm,
    SearchParameters,
    SearchRequest,
)
from backend.api.state import Api, api, tenant
from backend.catalogue.progress import indexing
from backend.catalogue.search.queries import ItemPart, Mode, Part, PicturePart, SearchQuery, TextPart
from backend.errors import InvalidRequest
from backend.store.base import Kind

blueprint = Blueprint("search", __name__)

KIND_OF: dict[str, Kind] = {"images": "image", "captions": "caption"}


@blueprint.post("/v1/search")
@describe(
    Operation(
        "Search",
        "Words, pictures and stored items, alone or combined, find pictures and captions. A cursor continues "
        "the same request (only `limit` may change) over what was there at its first page.",
        answers={200: SearchAnswer},
        json=SearchRequest,
        form=SearchForm,
        examples=EXAMPLES,
        example=FOUND,
        problems=(400, 404, 413, 415, 422, 503),
    )
)
def search() -> Response:
    started = time.perf_counter()
    return _answer(*query_document(SearchRequest, MAX_PARTS), started)


@blueprint.get("/v1/search")
@describe(
    Operation(
        "Search for words",
        "For a browser or curl.",
        answers={200: SearchAnswer},
        query=SearchParameters,
        example=FOUND,
        problems=(422, 503),
    )
)
def search_words() -> Response:
    started = time.perf_counter()
    given = query_model(SearchParameters)
    values = given.model_dump(by_alias=True, exclude_unset=True, exclude={"q"}) | {"query": given.q}
    return _answer(SearchRequest.model_validate(values), [], started)


@blueprint.post("/v1/embed")
@describe(
    Operation(
        "Encode texts or pictures",
        "Unit vectors of the current space, in the order of the input.",
        answers={200: EmbedAnswer},
        json=EmbedRequest,
        form=EmbedForm,
        problems=(400, 413, 415, 422, 503),
    )
)
def embed() -> Response:
    state = api()
    if is_multipart():
        need_multipart(set(), {"file"})
        files = query_files(MAX_EMBED)
        required(files or None, "file")
        vectors = state.encoder.pictures(read_file(state, files, i) for i in range(len(files)))
    else:
        vectors = state.encoder.texts(validated(EmbedRequest, json_body()).texts)
    space = state.encoder.space
    return answer({"space": space.name, "dim": space.dim, "vectors": vectors.tolist()})


def _answer(wanted: SearchRequest, files: list[FileStorage], started: float) -> Response:
    state = api()
    _check_order(wanted)
    query = SearchQuery(
        parts=_parts(state, wanted, files),
        filter=store_filter(wanted.filter, tenant(), state.services.settings.ranges()),
        kinds=_kinds(wanted),
        limit=wanted.limit,
        min_score=wanted.min_score,
        min_relevance=wanted.min_relevance,
        cursor=wanted.cursor,
        mode=_mode(wanted),
        merge=wanted.merge,
        diversify=wanted.diversify or 0.0,
        group_by=wanted.group_by,
        order_by=wanted.order_by,
    )
    found = state.searcher.search(query)
    lists = {
        name: [hit_document(hit, state.signer) for hit in found.hits.get(kind, ())]
        for name, kind in KIND_OF.items()
    }
    merged = [hit_document(hit, state.signer) for hit in found.hits["merged"]] if wanted.merge else None
    document: dict[str, Any] = {
        **lists,
        "merged": merged,
        "next_cursor": found.next_cursor,
        "space": found.space,
        "took_ms": {
            "encode": round(found.encode_ms, 2),
            "search": round(found.search_ms, 2),
            "total": round(1000 * (time.perf_counter() - started), 2),
        },
        "indexing": indexing(state.counts.get(tenant())),
    }
    return answer(document)


def _check_order(wanted: SearchRequest) -> None:
    """Raises `InvalidRequest` for what contradicts itself."""
    if wanted.diversify and wanted.order_by == "created_at":
        raise InvalidRequest("Hits in the order of their dates cannot be diversified as well.", "diversify")


def _kinds(wanted: SearchRequest) -> tuple[Kind, ...]:
    kinds = dict.fromkeys(KIND_OF[name] for name in wanted.return_)
    # A caption neither has captions nor is a picture that lacks them.
    asks_of_pictures = wanted.filter.has_caption is not None
    return tuple(kind for kind in kinds if kind == "image" or not asks_of_pictures)


def _mode(wanted: SearchRequest) -> Mode:
    if not wanted.hybrid:
        return wanted.mode
    if "mode" in wanted.model_fields_set and wanted.mode != "hybrid":
        raise InvalidRequest(f"`hybrid` contradicts the mode `{wanted.mode}`: give one of them.", "hybrid")
    return "hybrid"


def _parts(state: Api, wanted: SearchRequest, files: list[FileStorage]) -> tuple[Part, ...]:
    parts = [models.TextPart(text=wanted.query)] if isinstance(wanted.query, str) else wanted.query
    used = {part.file for part in parts if isinstance(part, FilePart)}
    for i, part in enumerate(parts):
        if isinstance(part, FilePart) and part.file >= len(files):
            raise InvalidRequest(f"There is no file {part.file}: {len(files)} came along.", f"query.{i}.file")
    if unused := set(range(len(files))) - used:
        raise InvalidRequest(f"No part refers to file {min(unused)}.", "file")
    pictures = {i: read_file(state, files, i) for i in sorted(used)}
    return tuple(_part(part, f"query.{i}", pictures) for i, part in enumerate(parts))


def _part(
    part: models.TextPart | models.ItemPart | FilePart, field: str, pictures: dict[int, tuple[str, bytes]]
) -> Part:
    if isinstance(part, models.TextPart):
        return TextPart(part.text, part.weight)
    if isinstance(part, models.ItemPart):
        return ItemPart(part.item, part.weight, f"{field}.item")
    blamed, data = pictures[part.file]
    return PicturePart(data, blamed, part.weight)
