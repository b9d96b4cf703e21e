from __future__ import annotations

import json
from typing import Any

import pytest

from backend.errors import Unavailable
from tests.backend.api.conftest import Server
from tests.support.pictures import jpeg

RED, BLUE = (255, 0, 0), (0, 0, 255)
NOWHERE = "00000000-0000-5000-8000-000000000000"


def listed(server: Server, **conditions: Any) -> list[str]:
    answer = server.client.get("/v1/items", query_string=conditions)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["items"]]


# -- listing ----------------------------------------------------------------------------------
def test_items_are_listed_newest_first_and_by_condition(server: Server) -> None:
    image = server.upload(jpeg(RED), tags=["t"]).json["items"][0]["id"]
    first, second = server.caption("one", image_id=image) + server.caption("two")
    assert listed(server) == [second, first, image]
    assert listed(server, kind="image") == [image]
    assert listed(server, tag="t") == [image]
    assert listed(server, image_id=image) == [first]
    assert listed(server, status="indexed") == []
    assert set(listed(server, ids=f"{image},{second.upper()}")) == {image, second}


def test_a_listing_is_paged_through(server: Server) -> None:
    ids = server.caption(*[f"caption {i}" for i in range(7)])
    seen, cursor = [], None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        answer = server.client.get("/v1/items", query_string=query).json
        seen += [item["id"] for item in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("kind=video", "kind"),
        ("status=lost", "status"),
        ("tag=", "tag"),
        ("image_id=x", "image_id"),
        (f"ids={NOWHERE},x", "ids.1"),
        ("ids=", "ids.0"),
        ("cursor=garbage", "cursor"),
        ("cursor=%F0%9F%90%88", "cursor"),
        ("colour=red", "colour"),
        ("tag=%00", "tag"),
    ],
)
def test_a_wrong_listing_is_refused_with_the_field(empty: Server, query: str, field: str) -> None:
    answer = empty.client.get(f"/v1/items?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


# -- one item ---------------------------------------------------------------------------------
@pytest.mark.parametrize("id", ["x", "123", NOWHERE, NOWHERE.upper(), "%00", "a" * 5000, "%F0%9F%90%88"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/items/{}"),
        ("PATCH", "/v1/items/{}"),
        ("DELETE", "/v1/items/{}"),
        ("POST", "/v1/items/{}/retry"),
        ("GET", "/v1/images/{}/content"),
        ("GET", "/v1/images/{}/thumbnail"),
    ],
)
def test_what_does_not_exist_is_not_found(empty: Server, method: str, path: str, id: str) -> None:
    body = {"json": {"tags": []}} if method == "PATCH" else {}
    answer = empty.client.open(path.format(id), method=method, **body)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_changes_replace_and_are_searched_by_at_once(server: Server) -> None:
    [id] = server.pictures(RED)
    answer = server.client.patch(f"/v1/items/{id}", json={"tags": ["new", "new"], "metadata": {"a": 1}})
    assert answer.status_code == 200
    assert (answer.json["tags"], answer.json["metadata"]) == (["new"], {"a": 1})
    for condition in ({"tags_any": ["new"]}, {"metadata": {"a": 1}}):
        assert [hit["id"] for hit in server.search("red", filter=condition).json["images"]] == [id]
    assert server.client.patch(f"/v1/items/{id}", json={}).json["tags"] == ["new"]
    assert server.client.patch(f"/v1/items/{id}", json={"tags": []}).json["metadata"] == {"a": 1}
    assert server.search("red", filter={"tags_any": ["new"]}).json["images"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tags": "t"}, "tags"),
        ({"tags": [1]}, "tags.0"),
        ({"tags": [None]}, "tags.0"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": float("inf")}}, "metadata.a"),
        ({"metadata": {"a": "x" * 100_000}}, "metadata"),
        ({"text": "new"}, "text"),
        ([], "body"),
        (None, "body"),
    ],
)
def test_wrong_changes_are_refused_with_the_field(server: Server, body: Any, field: str) -> None:
    [id] = server.caption("one")
    answer = server.client.patch(f"/v1/items/{id}", data=json.dumps(body), content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field


def test_a_deleted_image_takes_its_captions_along(server: Server) -> None:
    [id] = server.pictures(RED)
    [caption] = server.caption("red", image_id=id)
    server.ingest()
    assert server.client.delete(f"/v1/items/{id}").status_code == 204
    assert listed(server) == []
    assert server.client.delete(f"/v1/items/{id}").status_code == 404
    answer = server.search("red").json
    assert (answer["images"], answer["captions"]) == ([], [])
    space = server.encoder.space.name
    assert server.services.store.get(space, "image", [id]) == []
    assert server.services.store.get(space, "caption", [caption]) == []


def test_deleting_and_changing_work_while_the_store_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    red, blue = server.pictures(RED, BLUE)

    def away(*_: object) -> None:
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(server.services.store, "delete", away)
    monkeypatch.setattr(server.services.store, "set_payload", away)
    assert server.client.delete(f"/v1/items/{red}").status_code == 204
    assert server.client.patch(f"/v1/items/{blue}", json={"tags": ["t"]}).status_code == 200
    assert listed(server) == [blue]
    # The point of the deleted picture is still there: it is not found all the same.
    assert [hit["id"] for hit in server.search("red").json["images"]] == [blue]


def test_a_change_that_is_overtaken_does_not_win(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    [id] = server.pictures(RED)
    catalogue, store = server.services.catalogue, server.services.store
    set_payload = store.set_payload

    def overtaken(*arguments: Any) -> None:
        monkeypatch.undo()
        newer = catalogue.patch("default", id, ["second"], None)
        set_payload(newer.space, newer.kind, id, {"tags": ["second"]})
        set_payload(*arguments)

    monkeypatch.setattr(store, "set_payload", overtaken)
    server.client.patch(f"/v1/items/{id}", json={"tags": ["first"]})
    assert [point.payload["tags"] for point in store.get(server.encoder.space.name, "image", [id])] == [
        ["second"]
    ]


def test_a_failed_item_can_be_tried_again(server: Server) -> None:
    data = jpeg(RED, (400, 300))
    [item] = server.upload(data[: len(data) // 2]).json["items"]
    server.ingest()
    assert listed(server, status="failed") == [item["id"]]
    wakes = len(server.wakes)
    answer = server.client.post(f"/v1/items/{item['id']}/retry")
    assert (answer.status_code, answer.json["status"]) == (202, "pending")
    assert len(server.wakes) == wakes + 1
    assert server.client.post(f"/v1/items/{item['id']}/retry").json["status"] == "pending"
