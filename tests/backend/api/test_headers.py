from __future__ import annotations

import json
import logging

import pytest

from tests.backend.api.conftest import Server, Start

FRONT = "https://front.example"


@pytest.fixture
def cors(start: Start) -> Server:
    return start(cors_origins=f"{FRONT},https://other.example", api_keys="key")


def preflight(server: Server, origin: str, method: str = "POST") -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": method}
    response = server.client.options("/v1/search", headers=headers)
    assert response.status_code in (200, 204)
    return dict(response.headers)


def test_a_configured_origin_may_use_everything(cors: Server) -> None:
    headers = preflight(cors, FRONT)
    assert headers["Access-Control-Allow-Origin"] == FRONT
    assert set(headers["Access-Control-Allow-Methods"].split(", ")) >= {"GET", "POST", "PATCH", "DELETE"}
    allowed = headers["Access-Control-Allow-Headers"].lower()
    for name in ("authorization", "x-api-key", "content-type", "priority", "x-request-id"):
        assert name in allowed
    response = cors.client.get("/v1/items", headers={"Origin": FRONT, "X-API-Key": "key"})
    assert response.headers["Access-Control-Allow-Origin"] == FRONT
    exposed = response.headers["Access-Control-Expose-Headers"].lower()
    for name in ("retry-after", "etag", "location", "x-request-id"):
        assert name in exposed
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("path", ["/v1/items", "/v1/nowhere", "/nowhere"])
def test_errors_can_be_read_by_a_configured_origin_too(cors: Server, path: str) -> None:
    response = cors.client.get(path, headers={"Origin": FRONT})
    assert response.status_code >= 400
    assert response.headers["Access-Control-Allow-Origin"] == FRONT


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", FRONT + ".evil.example", "http://front.example"]
)
def test_other_origins_are_not_let_in(cors: Server, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(cors, origin)
    response = cors.client.get("/healthz", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Origin" in response.headers["Vary"]


def test_without_configured_origins_there_is_no_cors(empty: Server) -> None:
    assert not [name for name in preflight(empty, FRONT) if name.startswith("Access-Control")]


def test_a_star_lets_everybody_in(start: Start) -> None:
    assert preflight(start(cors_origins="*"), "https://any.example")["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/v1/items", "/healthz", "/docs", "/nowhere", "/openapi.json"])
def test_every_answer_carries_security_headers(empty: Server, path: str) -> None:
    headers = empty.client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_a_sane_request_id_is_kept_and_another_replaced(empty: Server) -> None:
    kept = empty.client.get("/healthz", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"]
    assert kept == "abc-123"
    for id in ("", "a" * 200, "a b", '"}'):
        made = empty.client.get("/healthz", headers={"X-Request-ID": id}).headers["X-Request-ID"]
        assert made != id
        assert len(made) == 16


def test_a_request_is_one_line_of_json_with_its_id(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "twinspace.requests"):
        server.client.get("/v1/items/nowhere?secret=1", headers={"X-Request-ID": "abc"})
        server.client.get("/healthz")
    [line] = [json.loads(record.message) for record in caplog.records if record.name == "twinspace.requests"]
    assert line["request_id"] == "abc"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/items/nowhere", 404)
    assert line["problem"] == "not_found"
    assert line["ms"] >= 0
    assert "secret" not in str(line)
