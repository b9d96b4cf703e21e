from __future__ import annotations

import json
from typing import Any

import pytest

from tests.backend.api.conftest import Server
from tests.support.pictures import jpeg

NOWHERE = "00000000-0000-5000-8000-000000000000"


def add(server: Server, *captions: Any) -> Any:
    return server.client.post("/v1/captions", json={"captions": list(captions)})


def test_captions_are_accepted_in_their_order(server: Server) -> None:
    answer = add(
        server, {"text": "one"}, {"text": "二つ", "tags": ["t"], "metadata": {"a": 1}}, {"text": "🐈"}
    )
    assert answer.status_code == 202
    assert [item["text"] for item in answer.json["items"]] == ["one", "二つ", "🐈"]
    assert answer.json["items"][1]["tags"] == ["t"]
    assert answer.json["items"][1]["metadata"] == {"a": 1}
    assert answer.json["items"][0]["links"] == {
        "self": f"/v1/items/{answer.json['items'][0]['id']}",
        "content": None,
        "thumbnail": None,
    }


@pytest.mark.parametrize(
    ("caption", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": " \t\n　"}, "text"),
        ({"text": "\u200b\ufeff \u00ad"}, "text"),
        ({"text": "x" * 100_000}, "text"),
        ({"text": "a\ud800b"}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"text": 3}, "text"),
        ({"text": None}, "text"),
        ({}, "text"),
        ({"text": "a", "image_id": "no id"}, "image_id"),
        ({"text": "a", "image_id": NOWHERE}, "image_id"),
        ({"text": "a", "tags": "t"}, "tags"),
        ({"text": "a", "tags": [1]}, "tags.0"),
        ({"text": "a", "metadata": []}, "metadata"),
        ({"text": "a", "metadata": {"x": float("nan")}}, "metadata.x"),
        ({"text": "a", "metadata": {"x": "y" * 100_000}}, "metadata"),
        ({"text": "a", "colour": "red"}, "colour"),
        ("a", ""),
        (None, ""),
        ([], ""),
    ],
)
def test_a_wrong_caption_is_reported_and_its_neighbours_are_accepted(
    server: Server, caption: Any, field: str
) -> None:
    answer = add(server, {"text": "before"}, caption, {"text": "after"})
    assert answer.status_code == 202
    assert [item["text"] for item in answer.json["items"]] == ["before", "after"]
    assert [error["index"] for error in answer.json["errors"]] == [1]
    alone = add(server, caption)
    assert alone.status_code in (404, 422)
    assert alone.json["code"] == answer.json["errors"][0]["code"]
    expected = f"captions.0.{field}".rstrip(".")
    assert alone.json["errors"][0]["field"] == expected


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], "text", 3, None),
        *({"captions": value} for value in ([], "text", {}, None, [{"text": "a"}] * 1001)),
        {"caption": []},
        {"captions": [{"text": "a"}], "colour": "red"},
    ],
)
def test_a_wrong_body_is_refused(empty: Server, body: Any) -> None:
    answer = empty.client.post("/v1/captions", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"]


def test_a_caption_of_another_tenants_or_a_deleted_image_is_refused(server: Server) -> None:
    [image] = server.pictures((255, 0, 0))
    server.client.delete(f"/v1/items/{image}")
    answer = add(server, {"text": "a", "image_id": image})
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_caption_is_no_image_for_captions(server: Server) -> None:
    [caption] = server.caption("one")
    assert add(server, {"text": "a", "image_id": caption}).status_code == 404


def test_the_same_caption_of_two_pictures_is_two_items_and_one_can_go(server: Server) -> None:
    red, blue = server.pictures((255, 0, 0), (0, 0, 255))
    [of_red], [of_blue] = server.caption("a thing", image_id=red), server.caption("a thing", image_id=blue)
    server.ingest()
    assert of_red != of_blue
    assert server.client.delete(f"/v1/items/{red}").status_code == 204
    assert server.client.get(f"/v1/items/{of_red}").status_code == 404
    assert server.client.get(f"/v1/items/{of_blue}").json["status"] == "indexed"
    hits = server.search("a thing").json["captions"]
    assert [hit["id"] for hit in hits] == [of_blue]


def test_an_image_that_goes_at_the_same_moment_takes_only_its_own_caption(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    [image] = server.pictures((255, 0, 0))
    add_captions = server.services.catalogue.add_captions

    def delete_first(*arguments: Any) -> Any:
        monkeypatch.undo()
        server.services.catalogue.delete("default", image)
        return add_captions(*arguments)

    monkeypatch.setattr(server.services.catalogue, "add_captions", delete_first)
    answer = add(server, {"text": "of it", "image_id": image}, {"text": "of none"})
    assert [item["text"] for item in answer.json["items"]] == ["of none"]
    assert [(error["index"], error["code"]) for error in answer.json["errors"]] == [(0, "not_found")]


def test_the_same_caption_again_is_a_duplicate(server: Server) -> None:
    first = add(server, {"text": "one", "tags": ["a"]}).json["items"][0]
    again = add(server, {"text": "one", "tags": ["b"]}).json["items"][0]
    assert (again["id"], again["duplicate"], again["tags"]) == (first["id"], True, ["a", "b"])


def test_a_caption_shows_the_pictures_of_its_image(server: Server) -> None:
    image = server.upload(jpeg((255, 0, 0))).json["items"][0]
    caption = add(server, {"text": "one", "image_id": image["id"].upper()}).json["items"][0]
    assert caption["image_id"] == image["id"]
    assert caption["links"]["content"] == image["links"]["content"]
