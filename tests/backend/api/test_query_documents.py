"""Search documents made up field by field: what fits is answered, what does not names its field, nothing is a
500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.backend.api.conftest import Server, closing, open_server
from tests.support.calibrations import colour_calibration
from tests.support.pictures import jpeg

RANGES = "price:number,taken:datetime"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = open_server(tmp_path_factory.mktemp("filled"), range_fields=RANGES)
    with closing([server]):
        server.services.catalogue.calibrations.put(colour_calibration(server.encoder))
        for n, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255)]):
            described = {"price": n, "taken": f"2026-01-0{n + 1}T00:00:00Z"}
            server.upload(jpeg(colour), caption=["red", f"green {n}"], metadata=json.dumps(described))
        server.caption("a blue cat", "一只红色的猫")
        server.ingest()
        yield server


WORDS = st.sampled_from(["red cat", "green 2", "红色的猫", "the blue one"])
PART = st.fixed_dictionaries(
    {"text": WORDS}, optional={"weight": st.sampled_from([1, 0.5, 2.0, 0, -1, -0.5])}
)
TIME = st.sampled_from(["2026-01-02T00:00:00Z", "2026-01-02T08:00:00.5+08:00"])
TAGS = st.lists(st.sampled_from(["a", "b", "标签"]), max_size=3)
NUMBER = st.floats(-5, 5) | st.integers(-5, 5)
SIDES = ("gte", "gt", "lte", "lt")


def bounds(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(SIDES, value | st.none()), "exists": st.booleans()}
    )


METADATA = st.fixed_dictionaries(
    {},
    optional={
        "price": bounds(NUMBER) | NUMBER,
        "taken": bounds(TIME) | TIME,
        "undeclared": bounds(NUMBER) | bounds(TIME | st.just("2026-01-02")),
        "不.[0]": bounds(NUMBER),
        "other": st.fixed_dictionaries({"exists": st.booleans()}) | st.text("ab1 é", max_size=3),
    },
)
FILTER = st.fixed_dictionaries(
    {},
    optional={
        "tags_any": TAGS,
        "tags_all": TAGS,
        "tags_none": TAGS,
        "metadata": METADATA,
        "has_caption": st.booleans() | st.none(),
        "ids": st.lists(st.uuids().map(str), max_size=2),
        "created_after": TIME | st.none(),
        "created_before": TIME | st.none(),
    },
)
VALID: dict[str, st.SearchStrategy[Any]] = {
    "return": st.sampled_from([["images"], ["captions"], ["images", "captions"], ["captions", "images"]]),
    "limit": st.integers(1, 5) | st.just(3.0),
    "cursor": st.none(),
    "filter": FILTER,
    "mode": st.sampled_from(["dense", "lexical", "hybrid"]),
    "hybrid": st.booleans() | st.none(),
    "min_score": st.floats(-1, 1) | st.none(),
    "min_relevance": st.floats(0, 1) | st.none(),
    "merge": st.sampled_from(["rrf", None]),
    "diversify": st.floats(0, 1) | st.none(),
    "group_by": st.sampled_from(["image", None]),
    "order_by": st.sampled_from(["relevance", "created_at"]),
}
QUERY = WORDS | st.lists(PART, min_size=1, max_size=4)


def contradictions(filled: Server, document: dict[str, Any]) -> set[str]:
    """Fields that each say something possible, but not together."""
    blamed = set()
    if isinstance(document["query"], list) and is_nothing(filled, document["query"]):
        blamed.add("query")
    if document.get("hybrid") and document.get("mode", "hybrid") != "hybrid":
        blamed.add("hybrid")
    if document.get("diversify") and document.get("order_by") == "created_at":
        blamed.add("diversify")
    return blamed


def is_nothing(filled: Server, parts: list[dict[str, Any]]) -> bool:
    """Whether the parts, of weight 0 or each the other's opposite, leave no direction to search in."""
    weights = np.array([part.get("weight", 1) for part in parts])
    total = weights @ filled.encoder.encode_texts([part["text"] for part in parts])
    return bool(np.linalg.norm(total) < 1e-4 * np.abs(weights).sum() or not weights.any())


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=QUERY, options=st.fixed_dictionaries({}, optional=VALID))
def test_what_fits_is_answered_page_by_page(filled: Server, query: Any, options: dict[str, Any]) -> None:
    document = {"query": query, **options}
    blamed = contradictions(filled, document)
    for _ in range(4):
        answer = filled.client.post("/v1/search", json=document)
        if blamed:
            assert answer.status_code == 422
            assert answer.json["errors"][0]["field"] in blamed
            return
        assert answer.status_code == 200, answer.text
        check(answer.json, document)
        if answer.json["next_cursor"] is None:
            return
        document = {**document, "cursor": answer.json["next_cursor"]}


def check(answer: dict[str, Any], document: dict[str, Any]) -> None:
    assert (answer["merged"] is None) == (document.get("merge") is None)
    for name in ("images", "captions", "merged"):
        hits = answer[name] or []
        assert len(hits) <= document.get("limit", 20)
        assert len({hit["id"] for hit in hits}) == len(hits)
        for hit in hits:
            assert hit["score"] >= (document.get("min_score") or -1)
            assert hit["relevance"] >= (document.get("min_relevance") or 0) - 1e-5
    wanted = document.get("return", ["images", "captions"])
    assert all(not answer[name] for name in ("images", "captions") if name not in wanted)


# -- what does not fit ------------------------------------------------------------------------
NEITHER = st.sampled_from([True, {}, [], "x", [1], {"a": 1}, -7, 1e9])
NO_NUMBER = st.sampled_from([True, "0.5", {}, [0.5], float("nan"), float("inf"), float("-inf"), 1e9, -1e9])
NO_NAME = st.sampled_from(["", "other", 3, True, [], {}, ["rrf"], "\ud800"])
NO_TAGS = st.sampled_from(["a", {"a": 1}, [1], [""], ["x" * 101], ["a\0"], [None], ["a"] * 101, 7, None])
NO_TIME = st.sampled_from(["now", "2026-01-01", "2026-13-01T00:00:00Z", 20260101, [], {}, True])
NO_BOUND = st.sampled_from([True, [], {}, "cheap", float("nan"), 10**400, "2026-01-01"])
NO_RANGE = (
    st.tuples(st.sampled_from(SIDES), NO_BOUND).map(lambda pair: {"price": dict([pair])})
    | st.tuples(st.sampled_from(SIDES), TIME).map(lambda pair: {"price": dict([pair])})
    | st.tuples(st.sampled_from(SIDES), NUMBER).map(lambda pair: {"taken": dict([pair])})
    | st.tuples(NUMBER, TIME).map(lambda pair: {"undeclared": {"gte": pair[0], "lt": pair[1]}})
    | st.sampled_from(["", 'a"b', "a\\b"]).map(lambda key: {key: {"gt": 3}})
    | st.sampled_from([{"price": {"exists": 1}}, {"price": {"between": [1, 2]}}, {"price": None}, [], "x", 3])
    | st.just({f"key {n}": n for n in range(33)})
)
INVALID: dict[str, st.SearchStrategy[Any]] = {
    "query": st.sampled_from(["", " ", 3, None, {}, [], [{}], ["a"], "x" * 10_001, [{"text": "a"}] * 17]),
    "query.0.weight": NO_NUMBER | st.none(),
    "return": st.sampled_from(["images", [], ["videos"], [1], None, {}, ["images"] * 3]),
    "limit": NEITHER | st.sampled_from([0, 1001, 2.5, "3", None]),
    "cursor": st.sampled_from(["", "x", 3, True, [], {}, "A" * 300_000, "🐈"]),
    "mode": NO_NAME | st.none(),
    "hybrid": st.sampled_from([0, 1, "true", [], {}]),
    "min_score": NO_NUMBER,
    "min_relevance": NO_NUMBER | st.sampled_from([-0.1, 1.1]),
    "merge": NO_NAME,
    "diversify": NO_NUMBER | st.sampled_from([-0.1, 1.1]),
    "group_by": NO_NAME,
    "order_by": NO_NAME | st.none(),
    "filter": NEITHER.filter(lambda value: value != {}),
    "filter.tags_any": NO_TAGS,
    "filter.tags_all": NO_TAGS,
    "filter.tags_none": NO_TAGS,
    "filter.ids": st.sampled_from(["x", [1], ["x"], None, {}, [""]]),
    "filter.has_caption": st.sampled_from([0, 1, "true", [], {}]),
    "filter.created_after": NO_TIME,
    "filter.created_before": NO_TIME,
    "filter.metadata": NO_RANGE,
    "filter.other": NEITHER,
    "other": NEITHER,
}


@pytest.mark.parametrize("field", INVALID)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(query=QUERY, options=st.fixed_dictionaries({}, optional=VALID), data=st.data())
def test_what_does_not_fit_names_its_field(
    filled: Server, field: str, query: Any, options: dict[str, Any], data: st.DataObject
) -> None:
    blamed = contradictions(filled, {"query": query} | options)
    query = "red cat" if "query" in blamed else query
    document = {"query": query} | {name: value for name, value in options.items() if name not in blamed}
    outer, _, inner = field.partition(".")
    bad = data.draw(INVALID[field])
    if field == "query.0.weight":
        document["query"] = [{"text": "red cat", "weight": bad}]
    else:
        document[outer] = {**document.get("filter", {}), inner: bad} if inner else bad
    answer = filled.client.post("/v1/search", data=json.dumps(document), content_type="application/json")
    assert answer.status_code == 422, answer.text
    named = [error["field"] for error in answer.json["errors"]]
    assert any(name == field or name.startswith(f"{field}.") for name in named), named


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from([*VALID, "query", "x"]), anything, max_size=4), QUERY | st.none())
def test_no_document_breaks_the_server(filled: Server, document: dict[str, Any], query: Any) -> None:
    if query is not None:
        document["query"] = query
    body = json.dumps(document)
    answer = filled.client.post("/v1/search", data=body, content_type="application/json")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 422:
        assert all(error["field"] and error["message"] for error in answer.json["errors"])
        assert answer.json["errors"]
