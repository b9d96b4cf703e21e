from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from backend.errors import Unavailable
from tests.backend.api.conftest import Server, Start

RED = (255, 0, 0)


def away(*_: object) -> None:
    raise Unavailable("It does not answer.")


def test_it_is_alive_whatever_is_broken(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, name in [(server.services.catalogue, "check"), (server.services.store, "check")]:
        monkeypatch.setattr(part, name, away)
    assert server.client.get("/healthz").json == {"status": "alive"}


def test_it_is_ready_when_everything_works(server: Server) -> None:
    answer = server.client.get("/readyz")
    assert answer.status_code == 200
    assert set(answer.json["checks"]) == {"encoder", "store", "catalogue", "originals"}
    assert all(check == {"ok": True, "detail": None} for check in answer.json["checks"].values())


@pytest.mark.parametrize(
    ("part", "method"),
    [
        ("store", "check"),
        ("store", "query_batch"),
        ("catalogue", "check"),
        ("originals", "check"),
        ("encoder", "encode_texts"),
        ("encoder", "encode_images"),
    ],
)
def test_readiness_names_what_is_missing(
    server: Server, monkeypatch: pytest.MonkeyPatch, part: str, method: str
) -> None:
    broken = server.encoder if part == "encoder" else getattr(server.services, part)
    monkeypatch.setattr(broken, method, away)
    answer = server.client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert answer.content_type == "application/problem+json"
    states = {name: check["ok"] for name, check in answer.json["checks"].items()}
    assert states == {"encoder": True, "store": True, "catalogue": True, "originals": True} | {part: False}
    assert part in answer.json["detail"]


def test_a_storm_of_probes_costs_one_check(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    encode = server.encoder.encode_images

    def counting(images: Any) -> Any:
        calls.append(1)
        return encode(images)

    monkeypatch.setattr(server.encoder, "encode_images", counting)
    threads = [threading.Thread(target=lambda: server.app.test_client().get("/readyz")) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_metrics_show_requests_batches_queues_and_items(server: Server) -> None:
    server.pictures(RED)
    server.caption("red")
    server.search("red")
    server.client.get("/v1/items/nowhere")
    text = server.client.get("/metrics").text
    assert 'twinspace_request_seconds_count{method="POST",route="/v1/search",status="200"} 1.0' in text
    assert 'twinspace_request_seconds_count{method="GET",route="/v1/items/<id>",status="404"} 1.0' in text
    assert 'twinspace_batch_size_count{stage="text"}' in text
    for stage in ("text", "search"):
        assert f'twinspace_batch_seconds_count{{stage="{stage}"}}' in text
    assert 'twinspace_queue_depth{queue="search"} 0.0' in text
    assert 'twinspace_items{state="images"} 1.0' in text
    assert 'twinspace_uploads_total{outcome="accepted"} 2.0' in text


def test_metrics_are_served_while_the_catalogue_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.services.catalogue, "counts", away)
    answer = server.client.get("/metrics")
    assert answer.status_code == 200
    assert "twinspace_queue_depth" in answer.text
    assert "twinspace_items{" not in answer.text


def test_metrics_count_all_tenants_and_name_none(start: Start) -> None:
    server = start(api_keys="alice:a-key,bob:b-key")
    for key in ("a-key", "b-key"):
        captions = {"captions": [{"text": "one"}]}
        server.client.post("/v1/captions", json=captions, headers={"X-API-Key": key})
    text = server.client.get("/metrics").text
    assert 'twinspace_items{state="pending"} 2.0' in text
    assert "alice" not in text


def test_statistics_count_what_is_indexed_pending_and_failed(server: Server) -> None:
    server.pictures(RED, (0, 0, 255))
    server.caption("one")
    answer = server.client.get("/v1/stats").json
    assert (answer["images"], answer["captions"], answer["pending"], answer["failed"]) == (2, 0, 1, 0)
    assert answer["space"]["name"] == server.encoder.space.name
    assert answer["space"]["dim"] == 16
    assert answer["indexing"] == {"indexed": 2, "total": 3}
    assert re.fullmatch(r"\d+\.\d+.*", answer["version"])


def test_the_docs_come_from_this_server_alone(empty: Server) -> None:
    page = empty.client.get("/docs")
    assert page.content_type.startswith("text/html")
    sources = re.findall(r'(?:src|href|data-url)="([^"]+)"', page.text)
    assert len(sources) >= 4
    for source in sources:
        assert source.startswith("/") or source == "data:,"
        if source.startswith("/"):
            answer = empty.client.get(source)
            assert answer.status_code == 200
            assert len(answer.data) > 100
    assert "http" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert empty.client.get("/docs/__init__.py").status_code == 404
