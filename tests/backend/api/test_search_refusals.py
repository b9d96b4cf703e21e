from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.backend.api.conftest import Server, Start
from tests.support.pictures import jpeg

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
NOWHERE = "00000000-0000-5000-8000-000000000000"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"query": ""}, "query"),
        ({"query": " "}, "query"),
        ({"query": "x" * 10_001}, "query"),
        ({"query": 3}, "query"),
        ({"query": None}, "query"),
        ({"query": {}}, "query"),
        ({"query": []}, "query"),
        ({"query": [{"text": "a"}] * 17}, "query"),
        ({"query": ["a"]}, "query.0"),
        ({"query": [{}]}, "query.0"),
        ({"query": [{"text": "a", "item": NOWHERE}]}, "query.0"),
        ({"query": [{"text": "a"}, {"text": 3}]}, "query.1.text"),
        ({"query": [{"text": "a", "color": 1}]}, "query.0.color"),
        ({"query": [{"text": "a", "weight": "1"}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": True}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": None}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": float("nan")}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": float("inf")}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": 1e300}]}, "query.0.weight"),
        ({"query": [{"text": "a", "weight": 0}, {"text": "b", "weight": 0.0}]}, "query"),
        ({"query": [{"text": "a"}, {"text": "a", "weight": -1}]}, "query"),
        ({"query": [{"item": "x"}]}, "query.0.item"),
        ({"query": [{"file": 0}]}, "query.0.file"),
        ({"query": [{"file": -1}]}, "query.0.file"),
        ({"query": [{"file": 1.5}]}, "query.0.file"),
        ({"query": [{"file": "0"}]}, "query.0.file"),
        ({"query": "a\ud800"}, "query"),
        ({"query": "a\0"}, "query"),
        ({"return": []}, "return"),
        ({"return": ["videos"]}, "return.0"),
        ({"return": "images"}, "return"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 10**9}, "limit"),
        ({"limit": 10**30}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "3"}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": None}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"cursor": "🐈"}, "cursor"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": 3}, "cursor"),
        ({"filter": None}, "filter"),
        ({"filter": []}, "filter"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"tags_any": "a"}}, "filter.tags_any"),
        ({"filter": {"tags_any": [1]}}, "filter.tags_any.0"),
        ({"filter": {"metadata": {'"': {"gte": 1}}}}, 'filter.metadata."'),
        ({"filter": {"metadata": {"": {"gte": 1}}}}, "filter.metadata."),
        ({"filter": {"metadata": {"price": {"gte": 1, "lt": "2026-01-01"}}}}, "filter.metadata.price.lt"),
        ({"filter": {"metadata": {"price": {"gte": [1]}}}}, "filter.metadata.price.gte"),
        ({"filter": {"metadata": {"price": {"gte": True}}}}, "filter.metadata.price.gte"),
        ({"filter": {"metadata": {"price": {"lt": "cheap"}}}}, "filter.metadata.price.lt"),
        ({"filter": {"metadata": {"price": {"gt": 10**400}}}}, "filter.metadata.price.gt"),
        ({"filter": {"metadata": {"price": {"gt": float("nan")}}}}, "filter.metadata.price.gt"),
        ({"filter": {"metadata": {"price": {"over": 1}}}}, "filter.metadata.price.over"),
        ({"filter": {"metadata": {"price": {"exists": 1}}}}, "filter.metadata.price.exists"),
        ({"filter": {"metadata": {"price": [1]}}}, "filter.metadata.price"),
        ({"filter": {"has_caption": "yes"}}, "filter.has_caption"),
        ({"filter": {"metadata": {"price": None}}}, "filter.metadata.price"),
        ({"filter": {"metadata": []}}, "filter.metadata"),
        ({"filter": {"ids": ["x"]}}, "filter.ids.0"),
        ({"filter": {"created_after": "yesterday"}}, "filter.created_after"),
        ({"filter": {"created_after": "2026-01-01"}}, "filter.created_after"),
        ({"filter": {"created_after": "2026-01-01T00:00:00"}}, "filter.created_after"),
        ({"filter": {"created_after": "2026-02-31T00:00:00Z"}}, "filter.created_after"),
        ({"filter": {"created_before": "0001-01-01T00:00:00+14:00"}}, "filter.created_before"),
        ({"filter": {"created_before": 3}}, "filter.created_before"),
        ({"min_score": "0.5"}, "min_score"),
        ({"min_score": float("nan")}, "min_score"),
        ({"min_score": 7}, "min_score"),
        ({"min_relevance": -0.1}, "min_relevance"),
        ({"min_relevance": 1.5}, "min_relevance"),
        ({"min_relevance": "0.25"}, "min_relevance"),
        ({"min_relevance": True}, "min_relevance"),
        ({"min_relevance": float("inf")}, "min_relevance"),
        ({"colour": "red"}, "colour"),
        ({"mode": "sparse"}, "mode"),
        ({"mode": None}, "mode"),
        ({"mode": ["dense"]}, "mode"),
        ({"mode": "lexical", "hybrid": True}, "hybrid"),
        ({"mode": "dense", "hybrid": True}, "hybrid"),
        ({"hybrid": 1}, "hybrid"),
        ({"hybrid": "true"}, "hybrid"),
        ({"merge": "RRF"}, "merge"),
        ({"merge": True}, "merge"),
        ({"merge": {}}, "merge"),
        ({"diversify": -0.1}, "diversify"),
        ({"diversify": 1.1}, "diversify"),
        ({"diversify": "0.5"}, "diversify"),
        ({"diversify": True}, "diversify"),
        ({"diversify": float("nan")}, "diversify"),
        ({"diversify": 0.5, "order_by": "created_at"}, "diversify"),
        ({"group_by": "caption"}, "group_by"),
        ({"group_by": ["image"]}, "group_by"),
        ({"order_by": "score"}, "order_by"),
        ({"order_by": None}, "order_by"),
    ],
)
def test_a_wrong_search_is_refused_with_the_field(empty: Server, change: dict[str, Any], field: str) -> None:
    body = json.dumps({"query": "a cat", **change})
    answer = empty.client.post("/v1/search", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["code"] in ("invalid_request", "invalid_cursor")
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20", "q"),
        ("q=a&q=b", "q"),
        ("q=a%00", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=x", "limit"),
        ("q=a&limit=1.5", "limit"),
        ("q=a&limit=1&limit=2", "limit"),
        ("q=a&return=videos", "return.0"),
        ("q=a&cursor=x", "cursor"),
        ("q=a&min_score=nan", "min_score"),
        ("q=a&min_relevance=2", "min_relevance"),
        ("q=a&colour=red", "colour"),
        ("q=a&mode=x", "mode"),
        ("q=a&hybrid=1", "hybrid"),
        ("q=a&hybrid=", "hybrid"),
        ("q=cat&mode=dense&hybrid=true", "hybrid"),
        ("q=a&merge=yes", "merge"),
        ("q=a&diversify=2", "diversify"),
        ("q=a&diversify=inf", "diversify"),
        ("q=a&diversify=1&order_by=created_at", "diversify"),
        ("q=a&group_by=tag", "group_by"),
        ("q=a&order_by=score", "order_by"),
    ],
)
def test_a_wrong_search_by_get_is_refused_with_the_field(empty: Server, query: str, field: str) -> None:
    answer = empty.client.get(f"/v1/search?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


def test_a_part_that_does_not_exist_is_named(empty: Server) -> None:
    answer = empty.search([{"text": "a"}, {"item": NOWHERE}])
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.json["errors"][0]["field"] == "query.1.item"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 415, "unsupported_image"),
        (b"<svg/>", 415, "unsupported_image"),
        (jpeg(RED, (400, 300))[:3000], 422, "corrupt_image"),
    ],
)
def test_a_broken_query_picture_is_named(empty: Server, data: bytes, status: int, code: str) -> None:
    answer = empty.search([{"file": 0}, {"file": 1}], [jpeg(RED), data])
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["errors"][0]["field"] == "file.1"


def test_a_query_picture_beyond_the_limits_is_refused(start: Start) -> None:
    server = start(max_image_bytes=100_000, max_image_pixels=1000)
    assert server.search([{"file": 0}], [jpeg(RED)]).status_code == 413
    assert server.search([{"file": 0}], [b"\xff" * 200_000]).json["errors"][0]["field"] == "file.0"


def test_files_and_parts_belong_together(empty: Server) -> None:
    assert empty.search("red", [jpeg(RED)]).json["errors"][0]["field"] == "file"
    assert empty.search([{"file": 1}], [jpeg(RED)]).json["errors"][0]["field"] == "query.0.file"
    too_many = empty.search([{"file": 0}], [jpeg(RED)] * 17)
    assert too_many.json["errors"][0]["field"] == "file"
    no_request = empty.client.post("/v1/search", data={"file": (io.BytesIO(jpeg(RED)), "a.jpg")})
    assert no_request.json["errors"][0]["field"] == "request"


def test_a_bound_that_is_no_time_either_is_told_of_both(empty: Server) -> None:
    request = {"query": "red", "filter": {"metadata": {"price": {"gte": "cheap"}}}}
    [error] = empty.client.post("/v1/search", json=request).json["errors"]
    assert "number" in error["message"]
    assert "time" in error["message"]
