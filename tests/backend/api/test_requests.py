"""What is wrong with a request as such is a problem document, whatever it was meant for."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from backend.api.parsing import find_unfit
from backend.api.search_models import SearchRequest
from tests.backend.api.conftest import Server

JSON_CALLS = ["/v1/search", "/v1/captions", "/v1/embed"]
FORM_CALLS = ["/v1/images", "/v1/search", "/v1/embed"]


def send(server: Server, path: str, body: bytes, content_type: str = "application/json") -> Any:
    return server.client.post(path, data=body, content_type=content_type)


@pytest.mark.parametrize("path", JSON_CALLS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'query': 'a'}",
        b'{"query": "a",}',
        b"\xff\xfe",
        b'{"query": "\xed\xa0\x80"}',
        b"[" * 200_000,
        b'{"query": ' * 100_000,
        b'{"limit": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_broken_json_is_malformed(empty: Server, path: str, body: bytes) -> None:
    answer = send(empty, path, body)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == "malformed_body"


@pytest.mark.parametrize("path", JSON_CALLS)
@pytest.mark.parametrize("body", [b"null", b"3", b'"text"', b"[]", b"true", b"{}", b"NaN", b'{"a": 1}'])
def test_json_of_another_shape_is_invalid(empty: Server, path: str, body: bytes) -> None:
    answer = send(empty, path, body)
    assert answer.status_code == 422
    assert answer.json["errors"]


@pytest.mark.parametrize("path", JSON_CALLS)
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "", "nonsense", "application/jsonx"]
)
def test_bodies_of_other_types_are_refused(empty: Server, path: str, content_type: str) -> None:
    answer = send(empty, path, b'{"query": "a"}', content_type)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


def test_pictures_need_a_form(empty: Server) -> None:
    answer = send(empty, "/v1/images", b"{}")
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", FORM_CALLS)
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=x", b"no part at all"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n',
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\ndata\r\n--x--\r\n"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: \xff\xfe; name="a"\r\n\r\nb\r\n--x--\r\n',
        ),
    ],
)
def test_broken_forms_are_malformed(empty: Server, path: str, content_type: str, body: bytes) -> None:
    answer = send(empty, path, body, content_type)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_body")


def test_a_part_without_a_name_is_refused(empty: Server) -> None:
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\ndata\r\n--x--\r\n"
    assert send(empty, "/v1/images", body, "multipart/form-data; boundary=x").status_code == 422


def test_a_json_document_has_a_size(empty: Server) -> None:
    answer = send(empty, "/v1/search", b'{"query": "' + b"a" * (33 * 1024 * 1024) + b'"}')
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_a_thousand_captions_fit_however_they_are_written(server: Server) -> None:
    # As large as a thousand captions of 3,500 characters that are all escaped.
    body = b'{"captions": [{"text": "one"}' + b" " * (40 * 1024 * 1024) + b"]}"
    assert send(server, "/v1/captions", body).status_code == 202


def test_a_field_of_a_form_has_a_size(empty: Server) -> None:
    data = {"request": "x" * (9 * 1024 * 1024), "file": (io.BytesIO(b"x"), "a.jpg")}
    assert empty.client.post("/v1/search", data=data).status_code == 413


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"a": {"b": [0, float("nan")]}}, "a.b.1"),
        ({"a": float("-inf")}, "a"),
        ({"a": ["\ud800"]}, "a.0"),
        ({"\udfff": 1}, "body"),
        ({"a": "x\0"}, "a"),
        ({"a\0": "x"}, "body"),
    ],
)
def test_what_nothing_can_keep_is_found_wherever_it_hides(document: Any, field: str) -> None:
    found = find_unfit(document, "")
    assert found is not None
    assert found[0] == field


def test_deep_but_harmless_json_is_refused_by_its_depth() -> None:
    document: Any = 1
    for _ in range(500):
        document = [document]
    assert find_unfit({"a": document}, "") is not None


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere", "/v1/items/x/y", "/docs/../etc/passwd", "/v1"])
def test_unknown_paths_are_not_found(empty: Server, path: str) -> None:
    answer = empty.client.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.content_type == "application/problem+json"


def test_other_methods_are_named(empty: Server) -> None:
    answer = empty.client.delete("/v1/search")
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["Allow"]


def test_what_nobody_foresaw_is_a_500_without_particulars(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("password is swordfish")

    monkeypatch.setattr(server.services.catalogue, "list", fails)
    answer = server.client.get("/v1/items")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "swordfish" not in answer.text


def test_a_disk_without_room_for_the_request_itself_is_a_507(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("backend.api.multipart.tempfile.SpooledTemporaryFile", full)
    assert server.upload(b"x").json["code"] == "storage_full"


def test_errors_of_requests_name_fields_in_words_people_use() -> None:
    assert "return" in json.dumps(SearchRequest.model_json_schema(by_alias=True))
    assert "return_" not in json.dumps(SearchRequest.model_json_schema(by_alias=True))
