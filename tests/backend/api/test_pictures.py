from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.backend.api.conftest import Server, Start
from tests.support.pictures import encoded, jpeg, picture

RED = (255, 0, 0)


def test_content_is_what_was_uploaded_under_the_type_of_its_bytes(server: Server) -> None:
    data = encoded(picture(RED), "PNG")
    [item] = server.upload(("liar.html", data)).json["items"]
    response = server.client.get(item["links"]["content"])
    assert response.data == data
    assert response.content_type == "image/png"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_names_of_any_script_survive_the_header(server: Server) -> None:
    [item] = server.upload(('🐈 "Katze".jpg', jpeg(RED))).json["items"]
    disposition = server.client.get(item["links"]["content"]).headers["Content-Disposition"]
    assert disposition.startswith("inline;")
    assert "filename*=UTF-8''%F0%9F%90%88" in disposition


def test_a_thumbnail_is_not_ready_until_the_picture_is_indexed(server: Server) -> None:
    [item] = server.upload(jpeg(RED, (800, 600))).json["items"]
    early = server.client.get(item["links"]["thumbnail"])
    assert (early.status_code, early.json["code"]) == (404, "not_ready")
    assert early.headers["Retry-After"] == "1"
    assert early.headers["Cache-Control"] == "no-store"
    server.ingest()
    response = server.client.get(item["links"]["thumbnail"])
    assert response.content_type == "image/webp"
    assert Image.open(io.BytesIO(response.data)).size == (384, 288)


@pytest.mark.parametrize("left", [None, 0, 50], ids=["gone", "empty", "cut off"])
def test_a_thumbnail_that_got_lost_is_made_again(server: Server, left: int | None) -> None:
    [id] = server.pictures(RED)
    path = f"/v1/images/{id}/thumbnail"
    before = server.client.get(path).data
    (kept,) = (server.services.settings.data / "originals" / "thumbnails").rglob("*.webp")
    kept.unlink() if left is None else kept.write_bytes(before[:left])
    assert server.client.get(path).data == before
    assert kept.read_bytes() == before


def test_without_its_bytes_a_picture_has_no_thumbnail_once_that_is_lost(server: Server) -> None:
    [id] = server.pictures(RED)
    item = server.services.catalogue.get("default", [id])[id]
    server.services.originals.delete(id, item.original)
    answer = server.client.get(f"/v1/images/{id}/thumbnail")
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_what_a_browser_has_is_not_sent_again(server: Server) -> None:
    [id] = server.pictures(RED)
    for name in ("content", "thumbnail"):
        first = server.client.get(f"/v1/images/{id}/{name}")
        again = server.client.get(f"/v1/images/{id}/{name}", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
    other = server.client.get(f"/v1/images/{id}/content", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_part_of_a_picture_can_be_asked_for(server: Server) -> None:
    [id] = server.pictures(RED)
    path = f"/v1/images/{id}/content"
    whole = server.client.get(path).data
    part = server.client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.data) == (206, whole[10:20])
    beyond = server.client.get(path, headers={"Range": "bytes=999999-"})
    assert (beyond.status_code, beyond.json["code"]) == (416, "range_not_satisfiable")


def test_captions_have_no_content_of_their_own(server: Server) -> None:
    [id] = server.caption("one")
    assert server.client.get(f"/v1/images/{id}/content").status_code == 404


def test_bytes_that_got_lost_are_not_found(server: Server) -> None:
    [item] = server.upload(jpeg(RED)).json["items"]
    stored = server.services.catalogue.get("default", [item["id"]])[item["id"]]
    server.services.originals.delete_original(stored.original)
    assert server.client.get(item["links"]["content"]).json["code"] == "not_found"


def test_pictures_behind_keys_are_kept_by_browsers_alone(start: Start) -> None:
    server = start(api_keys="key")
    server.client.environ_base["HTTP_X_API_KEY"] = "key"
    [item] = server.upload(jpeg(RED)).json["items"]
    assert server.client.get(item["links"]["content"]).headers["Cache-Control"].startswith("private")
