from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backend.api.conftest import Server, closing, open_server
from tests.support.pictures import jpeg


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("library")
    server = open_server(folder, api_keys=("anna:a", "ben:b"))
    with closing([server]):
        mine = {"Authorization": "Bearer a"}
        pictures = [
            (["red", "warm"], '{"place": "Rome", "year": 2024, "a=b": 1, "a": "b=2"}'),
            (["red"], '{"place": "Rome", "who": ["Ann", "Ben"], "year": 2024.0}'),
            (["blue"], '{"place": "Oslo"}'),
        ]
        for seed, (tags, metadata) in enumerate(pictures):
            file = io.BytesIO(jpeg((200, 0, 0), seed=seed))
            data = {"file": (file, "x.jpg"), "tags": tags, "metadata": metadata}
            server.client.post("/v1/images", data=data, headers=mine)
        caption = {"text": "a wall", "tags": ["warm"], "metadata": {"place": "Oslo"}}
        server.client.post("/v1/captions", json={"captions": [caption]}, headers=mine)
        hers = {"captions": [{"text": "other", "tags": ["secret"]}]}
        server.client.post("/v1/captions", json=hers, headers={"Authorization": "Bearer b"})
        server.ingest()
        pending = {"captions": [{"text": "waits", "tags": ["pending"]}]}
        server.client.post("/v1/captions", json=pending, headers=mine)
        yield server


def counts(library: Server, **query: Any) -> list[tuple[str, int]]:
    answer = library.client.get("/v1/facets", query_string=query, headers={"Authorization": "Bearer a"})
    assert answer.status_code == 200, answer.text
    assert answer.json["field"] == query["field"]
    return [(facet["value"], facet["count"]) for facet in answer.json["values"]]


def test_tags_are_counted_over_images_and_captions_of_the_tenant(library: Server) -> None:
    assert counts(library, field="tags") == [("red", 2), ("warm", 2), ("blue", 1)]
    assert counts(library, field="tags", limit=1) == [("red", 2)]
    assert counts(library, field="tags", kind="caption") == [("warm", 1)]
    assert counts(library, field="tags", kind="image") == [("red", 2), ("blue", 1), ("warm", 1)]


def test_values_of_one_key_of_metadata_are_counted(library: Server) -> None:
    assert counts(library, field="metadata.place") == [("Oslo", 2), ("Rome", 2)]
    assert counts(library, field="metadata.year") == [("2024", 2)]
    assert counts(library, field="metadata.who") == [("Ann", 1), ("Ben", 1)]
    assert counts(library, field="metadata.a=b") == [("1", 1)]
    assert counts(library, field="metadata.a") == [("b=2", 1)]
    assert counts(library, field="metadata.pla") == []


def test_what_is_counted_can_be_filtered_by(library: Server) -> None:
    mine = {"Authorization": "Bearer a"}
    for field in ("place", "year", "who", "a=b", "a"):
        for value, count in counts(library, field=f"metadata.{field}", kind="image"):
            request = {"query": "red", "return": ["images"], "filter": {"metadata": {field: value}}}
            assert len(library.client.post("/v1/search", json=request, headers=mine).json["images"]) == count


def test_keys_of_metadata_are_counted(library: Server) -> None:
    assert counts(library, field="metadata") == [
        ("place", 4),
        ("year", 2),
        ("a", 1),
        ("a=b", 1),
        ("who", 1),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "field"),
        ({"field": ""}, "field"),
        ({"field": "metadata."}, "field"),
        ({"field": "tenant"}, "field"),
        ({"field": "tags\0"}, "field"),
        ({"field": "tags", "limit": 0}, "limit"),
        ({"field": "tags", "limit": 1001}, "limit"),
        ({"field": "tags", "kind": "video"}, "kind"),
        ({"field": "tags", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_request_is_refused_with_the_field(empty: Server, query: dict[str, Any], field: str) -> None:
    answer = empty.client.get("/v1/facets", query_string=query)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize("field", ["", "place", "tenant", "metadata."])
def test_a_refusal_says_which_fields_there_are(empty: Server, field: str) -> None:
    [error] = empty.client.get("/v1/facets", query_string={"field": field}).json["errors"]
    assert "`metadata.KEY`" in error["message"]


def test_an_empty_library_has_no_facets(empty: Server) -> None:
    assert empty.client.get("/v1/facets?field=tags").json == {"field": "tags", "values": []}
