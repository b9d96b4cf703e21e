"""The OpenAPI document covers the contract: every route and field of it, and nothing of later ones."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema_rs import validator_for

from tests.backend.api.conftest import Server, Start
from tests.support.pictures import jpeg

ROUTES = {
    ("post", "/v1/images"),
    ("post", "/v1/captions"),
    ("get", "/v1/items"),
    ("get", "/v1/items/{id}"),
    ("patch", "/v1/items/{id}"),
    ("delete", "/v1/items/{id}"),
    ("post", "/v1/items/{id}/retry"),
    ("get", "/v1/images/{id}/content"),
    ("get", "/v1/images/{id}/thumbnail"),
    ("post", "/v1/search"),
    ("get", "/v1/search"),
    ("post", "/v1/classify"),
    ("post", "/v1/embed"),
    ("get", "/v1/facets"),
    ("get", "/v1/stats"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
}
ITEM = {
    *("id", "kind", "status", "duplicate", "error", "text", "image_id", "filename", "content_type"),
    *("width", "height", "tags", "metadata", "created_at", "indexed_at", "links"),
}
HIT = {
    *("id", "kind", "score", "relevance", "text", "image_id", "filename", "width", "height", "tags"),
    *("metadata", "links"),
}
FILTER = {"tags_any", "tags_all", "tags_none", "metadata", "ids", "created_after", "created_before"}
FILTER |= {"has_caption"}

NEEDS_SETTINGS = {"min_relevance", "filter.metadata.price"}


@pytest.fixture(scope="module")
def document(empty: Server) -> dict[str, Any]:
    return empty.client.get("/openapi.json").json


def properties(document: dict[str, Any], name: str) -> set[str]:
    return set(document["components"]["schemas"][name]["properties"])


def is_shown(field: str, shape: dict[str, Any]) -> bool:
    """Cursors come from answers, and a filter's own fields have examples."""
    variants = [shape, *shape.get("anyOf", ())]
    return field in ("cursor", "filter") or any(variant.get("examples") for variant in variants)


def test_every_route_of_the_contract_is_described(document: dict[str, Any]) -> None:
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert described == ROUTES


def test_fields_are_those_of_the_contract(document: dict[str, Any]) -> None:
    assert properties(document, "ItemDocument") == ITEM
    assert properties(document, "HitDocument") == HIT
    assert properties(document, "LinksDocument") == {"self", "content", "thumbnail"}
    request = {"query", "return", "limit", "cursor", "filter", "min_score"}
    request |= {"mode", "hybrid", "min_relevance", "merge", "diversify", "group_by", "order_by"}
    assert properties(document, "SearchRequest") == request
    assert properties(document, "SearchFilter") == FILTER
    assert properties(document, "NewCaption") == {"text", "image_id", "tags", "metadata"}
    assert properties(document, "ImageForm") == {"file", "caption", "tags", "metadata"}
    answer = {"images", "captions", "next_cursor", "space", "took_ms"}
    assert properties(document, "SearchAnswer") >= answer
    assert properties(document, "UploadAnswer") == {"items", "errors"}
    assert properties(document, "ItemsAnswer") == {"items", "next_cursor"}
    assert properties(document, "EmbedAnswer") == {"space", "dim", "vectors"}
    stats = {"space", "images", "captions", "pending", "failed", "version"}
    assert properties(document, "StatsAnswer") >= stats
    problem = {"type", "title", "status", "detail", "code", "errors"}
    assert properties(document, "ProblemDocument") == problem


def test_every_choice_of_a_search_comes_with_an_example(document: dict[str, Any], empty: Server) -> None:
    for name in ("SearchRequest", "SearchFilter", "ClassifyRequest"):
        for field, shape in document["components"]["schemas"][name]["properties"].items():
            assert is_shown(field, shape), field
    for path in ("/v1/search", "/v1/facets"):
        for parameter in document["paths"][path]["get"]["parameters"]:
            assert is_shown(parameter["name"], parameter["schema"]), parameter["name"]
    content = document["paths"]["/v1/search"]["post"]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    for name, example in content["examples"].items():
        assert example["summary"]
        assert not list(validator_for(schema).iter_errors(example["value"])), name
        answer = empty.client.post("/v1/search", json=example["value"])
        # What a server must be set up for is said, with the setting.
        assert answer.status_code == 200 or answer.json["errors"][0]["field"] in NEEDS_SETTINGS, name


def test_forms_of_a_search_come_with_examples_of_their_json(document: dict[str, Any]) -> None:
    for name in ("SearchForm", "ClassifyForm"):
        request = document["components"]["schemas"][name]["properties"]["request"]
        schema = {"$ref": request["$ref"], "components": document["components"]}
        for example in request["examples"]:
            assert not list(validator_for(schema).iter_errors(example)), name


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/v1/search"), ("get", "/v1/search"), ("post", "/v1/classify"), ("get", "/v1/facets")],
)
def test_answers_of_a_search_are_shown(document: dict[str, Any], method: str, path: str) -> None:
    content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    schema = {**content["schema"], "components": document["components"]}
    assert not list(validator_for(schema).iter_errors(content["example"]))


def test_search_and_embed_take_both_kinds_of_bodies(document: dict[str, Any]) -> None:
    for path in ("/v1/search", "/v1/embed"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        assert set(content) == {"application/json", "multipart/form-data"}


def test_all_references_lead_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for child in node.values() for found in references(child)]
        return [found for child in node for found in references(child)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_keys_are_described_where_they_are_needed(start: Start) -> None:
    document = start(api_keys="key").client.get("/openapi.json").json
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}
    assert document["paths"]["/v1/search"]["post"]["security"] == [{"bearer": []}, {"key": []}]
    assert "401" in document["paths"]["/v1/search"]["post"]["responses"]
    assert "security" not in document["paths"]["/healthz"]["get"]
    assert "403" not in document["paths"]["/v1/search"]["post"]["responses"]


def test_a_server_without_keys_says_that_it_refuses_strangers(empty: Server) -> None:
    document = empty.client.get("/openapi.json").json
    for operations in document["paths"].values():
        assert all("403" in operation["responses"] for operation in operations.values())


def test_answers_fit_their_schemas(server: Server) -> None:
    document = server.client.get("/openapi.json").json

    def fits(name: str, value: Any) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        assert not [str(error) for error in validator_for(schema).iter_errors(value)]

    upload = server.upload(("🐈.jpg", jpeg((255, 0, 0))), b"", tags=["t"], metadata='{"a": {"b": [null]}}')
    fits("UploadAnswer", upload.json)
    server.caption("red", image_id=upload.json["items"][0]["id"])
    fits("SearchAnswer", server.search("red").json)
    server.ingest()
    fits("SearchAnswer", server.search("red", limit=1).json)
    fits("ItemsAnswer", server.client.get("/v1/items").json)
    fits("ItemDocument", server.client.get(upload.json["items"][0]["links"]["self"]).json)
    fits("EmbedAnswer", server.client.post("/v1/embed", json={"texts": ["red"]}).json)
    picture = upload.json["items"][0]["id"]
    of_picture = {"item": picture, "labels": ["red", "blue"]}
    fits("ClassifyAnswer", server.client.post("/v1/classify", json=of_picture).json)
    fits("SearchAnswer", server.search("red", merge="rrf").json)
    fits("StatsAnswer", server.client.get("/v1/stats").json)
    fits("ReadyAnswer", server.client.get("/readyz").json)
    fits("ProblemDocument", server.search("").json)
    fits("ProblemDocument", server.client.get("/nowhere").json)
