from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.api import signing
from backend.api.auth import Keys
from backend.settings import Settings
from tests.backend.api.conftest import Server, Start, closing, open_server
from tests.support.pictures import jpeg

RED = (255, 0, 0)
ALICE, BOB = {"X-API-Key": "alices-key"}, {"Authorization": "Bearer bobs-key"}


@pytest.fixture
def guarded(start: Start) -> Server:
    return start(api_keys="alice:alices-key,bob:bobs-key,plain-key")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared by tests that get nowhere."""
    server = open_server(tmp_path_factory.mktemp("closed"), api_keys="alice:alices-key,bob:bobs-key")
    with closing([server]):
        yield server


def as_alice(server: Server) -> Server:
    server.client.environ_base["HTTP_X_API_KEY"] = "alices-key"
    return server


CALLS = [
    ("POST", "/v1/images"),
    ("POST", "/v1/captions"),
    ("GET", "/v1/items"),
    ("GET", "/v1/items/00000000-0000-5000-8000-000000000000"),
    ("PATCH", "/v1/items/x"),
    ("DELETE", "/v1/items/x"),
    ("POST", "/v1/items/x/retry"),
    ("GET", "/v1/images/x/content"),
    ("GET", "/v1/images/x/thumbnail"),
    ("POST", "/v1/search"),
    ("GET", "/v1/search?q=a"),
    ("POST", "/v1/embed"),
    ("GET", "/v1/stats"),
    ("GET", "/v1/nowhere"),
    ("PUT", "/v1/search"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer alice:alices-key"},
        {"Authorization": "Basic alices-key"},
        {"X-API-Key": "alices-ke"},
        {"X-API-Key": "alices-keyx"},
        {"X-API-Key": "schlüssel".encode().decode("latin-1")},
    ],
    ids=str,
)
def test_without_a_valid_key_nothing_is_told(
    closed: Server, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = closed.client.open(path, method=method, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("headers", [ALICE, BOB, {"Authorization": "bearer plain-key"}])
def test_a_key_opens_in_either_header(guarded: Server, headers: dict[str, str]) -> None:
    assert guarded.client.get("/v1/stats", headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
def test_what_operators_and_readers_need_is_open(guarded: Server, path: str) -> None:
    assert guarded.client.get(path).status_code == 200


def test_keys_of_any_script_work(start: Start) -> None:
    server = start(api_keys="schlüssel🗝")
    header = "schlüssel🗝".encode().decode("latin-1")
    assert server.client.get("/v1/stats", headers={"X-API-Key": header}).status_code == 200


def test_every_key_is_compared_whether_or_not_one_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(Settings(api_keys="first,second,third"))
    compared = []
    compare = signing.hmac.compare_digest
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append(a) or compare(a, b))
    for key in (b"first", b"third", b"none"):
        keys.tenant(key)
    assert len(compared) == 9
    assert len({len(digest) for digest in compared}) == 1


def test_tenants_never_see_each_other(guarded: Server) -> None:
    alice = as_alice(guarded)
    item = alice.upload(jpeg(RED), caption=["red"]).json["items"][0]
    alice.ingest()
    del guarded.client.environ_base["HTTP_X_API_KEY"]
    bob = guarded.client
    path = f"/v1/items/{item['id']}"
    assert bob.get(path, headers=BOB).status_code == 404
    assert bob.patch(path, json={"tags": ["x"]}, headers=BOB).status_code == 404
    assert bob.delete(path, headers=BOB).status_code == 404
    assert bob.post(f"{path}/retry", headers=BOB).status_code == 404
    for name in ("content", "thumbnail"):
        assert bob.get(f"/v1/images/{item['id']}/{name}", headers=BOB).status_code == 404
    assert bob.get("/v1/items", headers=BOB).json["items"] == []
    assert bob.get("/v1/stats", headers=BOB).json["images"] == 0
    found = bob.get("/v1/search?q=red", headers=BOB).json
    assert (found["images"], found["captions"]) == ([], [])
    with_item = bob.post("/v1/search", json={"query": [{"item": item["id"]}]}, headers=BOB)
    assert with_item.status_code == 404
    assert bob.get(path, headers=ALICE).status_code == 200
    caption = {"captions": [{"text": "mine", "image_id": item["id"]}]}
    assert bob.post("/v1/captions", json=caption, headers=BOB).status_code == 404
    same = bob.post("/v1/captions", json={"captions": [{"text": "red"}]}, headers=BOB).json["items"][0]
    assert same["duplicate"] is False


def test_a_cursor_of_another_tenant_is_refused(guarded: Server) -> None:
    for headers in (ALICE, BOB):
        captions = {"captions": [{"text": f"red {i}"} for i in range(3)]}
        guarded.client.post("/v1/captions", json=captions, headers=headers)
    guarded.ingest()
    cursor = guarded.client.get("/v1/search?q=red&limit=1", headers=ALICE).json["next_cursor"]
    query = {"q": "red", "cursor": cursor}
    assert guarded.client.get("/v1/search", query_string=query, headers=ALICE).status_code == 200
    assert guarded.client.get("/v1/search", query_string=query, headers=BOB).json["code"] == "invalid_cursor"


# -- signed links -----------------------------------------------------------------------------
@pytest.fixture
def links(guarded: Server) -> dict[str, str]:
    server = as_alice(guarded)
    item = server.upload(jpeg(RED)).json["items"][0]
    server.ingest()
    links = server.client.get(item["links"]["self"]).json["links"]
    del server.client.environ_base["HTTP_X_API_KEY"]
    return links


def test_a_signed_link_needs_no_key(guarded: Server, links: dict[str, str]) -> None:
    assert guarded.client.get(links["content"]).data == jpeg(RED)
    assert guarded.client.get(links["thumbnail"]).status_code == 200
    assert guarded.client.head(links["content"]).status_code == 200
    assert guarded.client.get(links["self"]).status_code == 401


def test_links_of_hits_are_signed_too(guarded: Server, links: dict[str, str]) -> None:
    hit = guarded.client.get("/v1/search?q=red", headers=ALICE).json["images"][0]
    assert guarded.client.get(hit["links"]["thumbnail"]).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "bob"},
        {"tenant": ""},
        {"signature": "0" * 40},
        {"signature": ""},
        {"signature": "🐈"},
        {"expires": "99999999999"},
        {"expires": "-1"},
        {"expires": "x"},
        {"expires": "٣"},
        {"expires": "9" * 400},
    ],
    ids=str,
)
def test_a_changed_link_is_refused(guarded: Server, links: dict[str, str], change: dict[str, str]) -> None:
    parts = urlsplit(links["content"])
    query: dict[str, Any] = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert guarded.client.get(parts.path, query_string=query).status_code == 200
    assert guarded.client.get(parts.path, query_string={**query, **change}).status_code == 401


def test_a_signature_is_for_one_path(guarded: Server, links: dict[str, str]) -> None:
    query = urlsplit(links["content"]).query
    assert guarded.client.get(f"{urlsplit(links['thumbnail']).path}?{query}").status_code == 401


def test_a_link_runs_out(guarded: Server, links: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = signing.time.time()
    monkeypatch.setattr("backend.api.signing.time.time", lambda: now + signing.PERIOD - 1)
    assert guarded.client.get(links["content"]).status_code == 200
    monkeypatch.setattr("backend.api.signing.time.time", lambda: now + 2 * signing.PERIOD + 1)
    assert guarded.client.get(links["content"]).status_code == 401


def test_links_stay_the_same_for_a_while_so_that_browsers_keep_pictures() -> None:
    signer = signing.Signer(b"key")
    now = (signing.time.time() // signing.PERIOD) * signing.PERIOD
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.api.signing.time.time", lambda: now + 1)
        first = signer.query("/path", "tenant")
        patch.setattr("backend.api.signing.time.time", lambda: now + signing.PERIOD - 1)
        assert signer.query("/path", "tenant") == first


def test_links_are_plain_without_keys(server: Server) -> None:
    [item] = server.upload(jpeg(RED)).json["items"]
    assert item["links"]["content"] == f"/v1/images/{item['id']}/content"


def test_the_key_of_signatures_follows_the_secret_or_the_keys() -> None:
    assert signing.signing_key(Settings()) is None
    by_keys = signing.signing_key(Settings(api_keys="a,b"))
    assert by_keys == signing.signing_key(Settings(api_keys="b,a"))
    assert by_keys != signing.signing_key(Settings(api_keys="a,c"))
    by_secret = signing.signing_key(Settings(api_keys="a", secret="s"))
    assert by_secret == signing.signing_key(Settings(api_keys="a,new", secret="s"))
