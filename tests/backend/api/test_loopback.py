"""What a page from elsewhere tries on a server that asks for no keys."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.backend.api.conftest import Server, Start
from tests.support.pictures import jpeg

EVIL = "http://evil.example"
FRONT = "https://front.example"


def upload(server: Server, **headers: str) -> TestResponse:
    data = {"file": (io.BytesIO(jpeg()), "a.jpg")}
    return server.client.post("/v1/images", data=data, headers=headers)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8000", "localhost.evil.example", "192.168.0.7", "127.0.0.1.nip.io", "["],
)
@pytest.mark.parametrize("path", ["/", "/v1/items", "/openapi.json"])
def test_another_name_reads_nothing(empty: Server, host: str, path: str) -> None:
    answer = empty.client.get(path, headers={"Host": host})
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.content_type == "application/problem+json"
    assert host in answer.json["detail"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.8.9.1", "[::1]", "[::1]:8000"]
)
def test_the_machine_itself_reads_and_writes(server: Server, host: str) -> None:
    assert server.client.get("/v1/items", headers={"Host": host}).status_code == 200
    assert upload(server, Host=host).status_code == 202
    assert upload(server, Host=host, Origin=f"http://{host}").status_code == 202, "its own page"


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:3000", "http://localhost.evil.example"])
def test_a_foreign_page_writes_nothing(empty: Server, origin: str) -> None:
    answer = upload(empty, Origin=origin)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert empty.client.delete("/v1/items/x", headers={"Origin": origin}).status_code == 403
    assert empty.client.get("/v1/items", headers={"Origin": origin}).status_code == 200


def test_a_front_end_that_is_configured_writes(start: Start) -> None:
    server = start(cors_origins=FRONT)
    assert upload(server, Origin=FRONT).status_code == 202
    assert upload(server, Origin=EVIL).status_code == 403


@pytest.mark.parametrize(
    ("settings", "key"), [({"api_keys": "key"}, "key"), ({"allow_unauthenticated": True}, "")]
)
def test_where_keys_are_asked_for_every_name_will_do(start: Start, settings: Any, key: str) -> None:
    server = start(**settings)
    headers = {"Host": "pictures.example", "X-API-Key": key}
    assert server.client.get("/v1/items", headers=headers).status_code == 200
    assert upload(server, Origin=EVIL, **headers).status_code == 202
