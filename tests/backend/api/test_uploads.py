from __future__ import annotations

import io
import json
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from backend.catalogue.items import NewCaption
from backend.errors import StorageFull, Unavailable
from backend.uploads import CHUNK, clean_filename
from tests.backend.api.conftest import Server, Start
from tests.support.pictures import encoded, jpeg, picture

RED, BLUE = (255, 0, 0), (0, 0, 255)
TEXT_CAPTION = "a red square"


def small(seed: int) -> bytes:
    return encoded(picture(RED, (8, 8), seed), "PNG")


def huge_png() -> bytes:
    """A header of 60,000 x 60,000 pixels, and next to nothing behind it."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def test_an_upload_is_accepted_stored_and_announced(server: Server) -> None:
    answer = server.upload(("cat.jpg", jpeg(RED)), tags=["a", "b"], metadata='{"year": 2020}')
    assert answer.status_code == 202
    assert answer.json["errors"] == []
    [item] = answer.json["items"]
    assert (item["kind"], item["status"], item["duplicate"]) == ("image", "pending", False)
    assert (item["filename"], item["content_type"]) == ("cat.jpg", "image/jpeg")
    assert (item["width"], item["height"]) == (64, 48)
    assert (item["tags"], item["metadata"]) == (["a", "b"], {"year": 2020})
    assert server.client.get(item["links"]["self"]).json == item
    assert server.client.get(item["links"]["content"]).data == jpeg(RED)
    assert len(server.wakes) == 1


def test_captions_follow_their_picture_and_share_its_tags_and_metadata(server: Server) -> None:
    answer = server.upload(jpeg(RED), caption=["one", "two"], tags=["t"], metadata='{"album": "x"}')
    image, first, second = answer.json["items"]
    assert [first["text"], second["text"]] == ["one", "two"]
    assert first["image_id"] == second["image_id"] == image["id"]
    assert (first["tags"], first["metadata"]) == (["t"], {"album": "x"})


def test_captions_with_several_files_are_refused(empty: Server) -> None:
    answer = empty.upload(jpeg(RED), jpeg(BLUE), caption=["which?"])
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "caption"
    assert empty.client.get("/v1/items").json["items"] == []


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("empty.jpg", b"", 415, "unsupported_image"),
        ("text.jpg", b"hello, I am a text", 415, "unsupported_image"),
        (
            "drawing.jpg",
            b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
            415,
            "unsupported_image",
        ),
        ("page.jpg", b"<!DOCTYPE html><script>alert(1)</script>", 415, "unsupported_image"),
        ("paper.jpg", b"%PDF-1.7\n", 415, "unsupported_image"),
        ("huge.png", huge_png(), 413, "too_large"),
    ],
)
def test_what_the_header_shows_is_refused_at_once(
    empty: Server, name: str, data: bytes, status: int, code: str
) -> None:
    answer = empty.upload((name, data))
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert empty.client.get("/v1/items").json["items"] == []


def test_a_file_beyond_the_limit_is_too_large(start: Start) -> None:
    server = start(max_image_bytes=500)
    assert server.upload(jpeg(RED)).json["code"] == "too_large"


def test_a_body_beyond_the_limit_is_too_large(start: Start) -> None:
    server = start(max_image_bytes=1000, max_request_bytes=2000)
    answer = server.upload(*[jpeg(RED, seed=i) for i in range(5)])
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


def test_a_body_of_200_megabytes_is_refused_without_being_kept(empty: Server) -> None:
    answer = empty.upload(bytes(200 * 1024 * 1024))
    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert empty.client.get("/v1/items").json["items"] == []


def test_a_truncated_jpeg_is_accepted_and_found_broken_later(server: Server) -> None:
    data = jpeg(RED, size=(400, 300))
    [item] = server.upload(data[: len(data) // 2]).json["items"]
    server.ingest()
    item = server.client.get(item["links"]["self"]).json
    assert item["status"] == "failed"
    assert item["error"]["code"] == "corrupt_image"
    assert server.client.get(item["links"]["thumbnail"]).json["code"] == "not_found"


def oddities() -> dict[str, bytes]:
    frames = [picture(RED), picture(BLUE)]
    turned = Image.Exif()
    turned[0x0112] = 6
    sixteen = Image.fromarray(np.full((8, 8), 40_000, np.uint16))
    return {
        "one pixel": encoded(picture(RED, (1, 1)), "PNG"),
        "animated GIF": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "animated WebP": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]),
        "16 bits": encoded(sixteen, "PNG"),
        "palette with alpha": encoded(picture(RED).convert("RGBA").quantize(), "PNG", transparency=0),
        "CMYK": encoded(picture(RED).convert("CMYK"), "JPEG"),
        "greyscale": encoded(picture(RED).convert("L"), "JPEG"),
        "turned": encoded(picture(RED, (64, 48)), "JPEG", exif=turned),
    }


def test_unusual_pictures_are_indexed(server: Server) -> None:
    pictures = oddities()
    answer = server.upload(*pictures.values())
    assert answer.json["errors"] == []
    server.ingest()
    items = server.client.get("/v1/items").json["items"]
    assert {item["status"] for item in items} == {"indexed"}
    turned = answer.json["items"][list(pictures).index("turned")]
    assert (turned["width"], turned["height"]) == (48, 64)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\cat.jpg", "cat.jpg"),
        ("ca\0t\r\n.jpg", "cat.jpg"),
        ("🐈‍⬛ Katze.jpg", "🐈‍⬛ Katze.jpg"),
        ("x" * 5000 + ".jpeg", "x" * 250 + ".jpeg"),
        ("", "unnamed"),
        ("..", "unnamed"),
        (None, "unnamed"),
        ("folder/", "folder"),
    ],
)
def test_file_names_lose_what_is_dangerous_and_keep_the_rest(given: str | None, kept: str) -> None:
    assert clean_filename(given) == kept


@pytest.mark.parametrize("name", ["../../x.jpg", "a\0b.jpg", "y" * 5000 + ".jpg", "🐈.jpg", '"; x="'])
def test_any_file_name_can_be_sent(server: Server, name: str) -> None:
    answer = server.upload((name, jpeg(RED)))
    assert answer.status_code == 202, answer.text
    filename = answer.json["items"][0]["filename"]
    assert 0 < len(filename) <= 255
    assert "/" not in filename
    assert "\0" not in filename
    response = server.client.get(answer.json["items"][0]["links"]["content"])
    assert response.headers["Content-Disposition"].startswith("inline")


def test_three_broken_of_300_files_are_reported_and_the_rest_accepted(server: Server) -> None:
    broken = {5: b"", 150: b"no picture", 299: b"<html>"}
    files = [broken.get(i, small(i)) for i in range(300)]
    answer = server.upload(*files)
    assert answer.status_code == 202
    assert [error["index"] for error in answer.json["errors"]] == [5, 150, 299]
    assert {error["code"] for error in answer.json["errors"]} == {"unsupported_image"}
    assert answer.json["errors"][0]["filename"] == "5.jpg"
    names = [item["filename"] for item in answer.json["items"]]
    assert names == [f"{i}.jpg" for i in range(300) if i not in broken]


def test_a_thousand_files_at_most(empty: Server) -> None:
    answer = empty.upload(*[b"x"] * 1001)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "file"


def test_the_same_picture_again_gains_tags_metadata_and_captions(server: Server) -> None:
    first = server.upload(jpeg(RED), tags=["a"], metadata='{"x": 1, "y": 1}', caption=["one"]).json["items"]
    again = server.upload(jpeg(RED), tags=["b"], metadata='{"y": 2}', caption=["one", "two"]).json["items"]
    assert again[0]["id"] == first[0]["id"]
    assert [item["duplicate"] for item in again] == [True, True, False]
    assert (again[0]["tags"], again[0]["metadata"]) == (["a", "b"], {"x": 1, "y": 2})
    assert originals(server) == 1


MANY = [f"tag {n}" for n in range(40)]


def test_what_is_merged_stays_within_the_limits_of_one_item(start: Start) -> None:
    server = start(max_metadata_bytes=100)
    [item] = server.upload(jpeg(RED), tags=MANY, metadata=json.dumps({"a": "x" * 60})).json["items"]
    more = [f"other {n}" for n in range(11)]
    answer = server.upload(jpeg(RED), tags=more)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "tags")
    answer = server.upload(jpeg(RED), metadata=json.dumps({"b": "x" * 60}))
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "metadata")
    assert server.client.get(item["links"]["self"]).json == item
    answer = server.upload(jpeg(RED), tags=[*more[:10], *MANY[:3]], metadata=json.dumps({"a": "y" * 80}))
    [merged] = answer.json["items"]
    assert (len(merged["tags"]), merged["metadata"]) == (50, {"a": "y" * 80})
    again = {"tags": merged["tags"], "metadata": merged["metadata"]}
    assert server.client.patch(item["links"]["self"], json=again).status_code == 200


def test_what_is_too_much_for_one_leaves_its_neighbours_alone(server: Server) -> None:
    server.upload(jpeg(RED), tags=MANY, caption=["one"])
    more = [f"other {n}" for n in range(40)]
    answer = server.upload(small(1), jpeg(RED), small(2), tags=more)
    assert answer.status_code == 202
    assert [error["index"] for error in answer.json["errors"]] == [1]
    assert [item["filename"] for item in answer.json["items"]] == ["0.jpg", "2.jpg"]
    assert originals(server) == 3

    [image] = [item for item in server.client.get("/v1/items").json["items"] if item["text"] == "one"]
    entry = {"image_id": image["image_id"], "tags": more}
    captions = [{"text": text, **entry} for text in ("zero", "one", "two")]
    answer = server.client.post("/v1/captions", json={"captions": captions})
    assert answer.status_code == 202
    assert [(error["index"], error["code"]) for error in answer.json["errors"]] == [(1, "invalid_request")]
    assert [item["text"] for item in answer.json["items"]] == ["zero", "two"]
    alone = server.client.post("/v1/captions", json={"captions": captions[1:2]})
    assert (alone.status_code, alone.json["errors"][0]["field"]) == (422, "captions.0.tags")


def test_captions_of_a_picture_that_goes_meanwhile_are_reported(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_images = server.services.catalogue.add_images

    def then_delete(tenant, new, source):
        added = add_images(tenant, new, source)
        server.services.catalogue.delete(tenant, added[0].item.id)
        return added

    monkeypatch.setattr(server.services.catalogue, "add_images", then_delete)
    answer = server.upload(jpeg(RED), caption=["one", "two"])
    assert answer.status_code == 202
    assert [(error["index"], error["code"]) for error in answer.json["errors"]] == [
        (0, "not_found"),
        (1, "not_found"),
    ]


def test_the_same_picture_twice_in_one_request_is_one_item(server: Server) -> None:
    answer = server.upload(jpeg(RED), jpeg(BLUE), jpeg(RED))
    first, _, again = answer.json["items"]
    assert first["id"] == again["id"]
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert originals(server) == 2


def test_the_same_picture_uploaded_at_the_same_moment_is_one_item_with_its_bytes(server: Server) -> None:
    answers = []
    barrier = threading.Barrier(8)

    def upload() -> None:
        client = server.app.test_client()
        barrier.wait()
        answers.append(client.post("/v1/images", data={"file": (io.BytesIO(jpeg(RED)), "a.jpg")}))

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [202] * 8
    items = [answer.json["items"][0] for answer in answers]
    assert len({item["id"] for item in items}) == 1
    assert [item["duplicate"] for item in items].count(False) == 1
    assert originals(server) == 1
    assert server.client.get(items[0]["links"]["content"]).data == jpeg(RED)


def originals(server: Server) -> int:
    folder = server.services.settings.data / "originals" / "originals"
    return sum(path.is_file() for path in folder.rglob("*"))


def test_what_was_deleted_can_be_uploaded_again(server: Server) -> None:
    [id] = server.pictures(RED)
    server.client.delete(f"/v1/items/{id}")
    [item] = server.upload(jpeg(RED)).json["items"]
    assert (item["id"], item["duplicate"], item["status"]) == (id, False, "pending")
    server.ingest()
    assert server.client.get(item["links"]["content"]).data == jpeg(RED)


def test_an_upload_that_meets_a_deletion_keeps_its_bytes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    [id] = server.pictures(RED)
    old = server.services.catalogue.get("default", [id])[id].original
    add_images = server.services.catalogue.add_images

    def delete_first(tenant, new, source):
        monkeypatch.undo()
        server.services.catalogue.delete(tenant, id)
        server.services.originals.delete_original(old)
        return add_images(tenant, new, source)

    monkeypatch.setattr(server.services.catalogue, "add_images", delete_first)
    [item] = server.upload(jpeg(RED)).json["items"]
    assert item["duplicate"] is False
    assert server.client.get(item["links"]["content"]).data == jpeg(RED)


@pytest.mark.parametrize("then", ["deleted again", "given a caption"])
def test_an_upload_that_meets_a_deletion_leaves_what_others_did_meanwhile(
    server: Server, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    [id] = server.pictures(RED)
    catalogue = server.services.catalogue
    add_images = catalogue.add_images

    def meanwhile(tenant, new, source):
        monkeypatch.undo()
        catalogue.delete(tenant, id)
        added = add_images(tenant, new, source)
        if then == "deleted again":
            catalogue.delete(tenant, id)
        else:
            catalogue.add_captions(tenant, [NewCaption("of another upload", id)])
        return added

    monkeypatch.setattr(catalogue, "add_images", meanwhile)
    answer = server.upload(jpeg(RED))
    assert answer.status_code == 202
    assert answer.json["items"][0]["duplicate"] is False
    server.ingest()
    assert server.client.get(f"/v1/items/{id}").json["status"] == "indexed"
    assert server.client.get(f"/v1/images/{id}/content").data == jpeg(RED)
    captions = server.client.get(f"/v1/items?image_id={id}").json["items"]
    assert [item["text"] for item in captions] == ["of another upload"] * (then == "given a caption")


@pytest.mark.parametrize("ingested", [True, False])
def test_uploading_a_picture_again_brings_its_lost_bytes_back(server: Server, ingested: bool) -> None:
    [id] = server.pictures(RED) if ingested else [server.upload(jpeg(RED)).json["items"][0]["id"]]
    lost = server.services.catalogue.get("default", [id])[id].original
    server.services.originals.delete_original(lost)
    assert server.client.get(f"/v1/images/{id}/content").status_code == 404
    [item] = server.upload(jpeg(RED)).json["items"]
    assert (item["id"], item["duplicate"]) == (id, True)
    assert item["status"] == ("indexed" if ingested else "pending")
    assert server.client.get(item["links"]["content"]).data == jpeg(RED)
    assert originals(server) == 1


# -- fields -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"metadata": "[1, 2]"}, "metadata"),
        ({"metadata": '"text"'}, "metadata"),
        ({"metadata": "null"}, "metadata"),
        ({"metadata": "{"}, "metadata"),
        ({"metadata": '{"a": NaN}'}, "metadata.a"),
        ({"metadata": '{"a": {"b": [1, Infinity]}}'}, "metadata.a.b.1"),
        ({"metadata": '{"a": 1e999}'}, "metadata.a"),
        ({"metadata": '{"a": "\\ud800"}'}, "metadata.a"),
        ({"metadata": '{"a\\ud800": 1}'}, "metadata"),
        ({"metadata": "[" * 100_000}, "metadata"),
        ({"metadata": '{"a":' * 40 + "1" + "}" * 40}, "metadata" + ".a" * 31),
        ({"metadata": json.dumps({"a": "x" * 100_000})}, "metadata"),
        ({"metadata": ["{}", "{}"]}, "metadata"),
        ({"tags": [""]}, "tags.0"),
        ({"tags": ["fine", "x" * 101]}, "tags.1"),
        ({"tags": ["a\tb"]}, "tags.0"),
        ({"tags": [str(i) for i in range(51)]}, "tags"),
        ({"caption": ["fine", " \n"]}, "caption.1"),
        ({"caption": ["x" * 10_001]}, "caption.0"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_fields_are_named_and_nothing_is_kept(empty: Server, fields: dict, field: str) -> None:
    answer = empty.upload(jpeg(RED), **fields)
    assert answer.status_code == 422
    assert answer.json["code"] == "invalid_request"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert empty.client.get("/v1/items").json["items"] == []
    assert originals(empty) == 0


def test_metadata_of_ten_megabytes_is_refused(empty: Server) -> None:
    answer = empty.upload(jpeg(RED), metadata=json.dumps({"a": "x" * 10_000_000}))
    assert answer.status_code in (413, 422)


def test_metadata_may_come_as_a_part_with_a_name_as_browsers_send_it(server: Server) -> None:
    data = {"file": (io.BytesIO(jpeg(RED)), "a.jpg"), "metadata": (io.BytesIO(b'{"a": 1}'), "blob")}
    answer = server.client.post("/v1/images", data=data)
    assert answer.json["items"][0]["metadata"] == {"a": 1}


def test_a_file_is_needed(empty: Server) -> None:
    assert empty.upload().json["code"] in ("invalid_request", "malformed_body")
    answer = empty.client.post("/v1/images", data={"file": "no file"}, content_type="multipart/form-data")
    assert answer.json["errors"] == [
        {"field": "file", "message": "This is a file; send it with a file name."}
    ]


# -- faults -----------------------------------------------------------------------------------
def test_a_full_storage_is_a_507_and_leaves_nothing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise StorageFull("The storage is full.")

    monkeypatch.setattr(server.services.originals, "put", full)
    answer = server.upload(jpeg(RED), jpeg(BLUE))
    assert (answer.status_code, answer.json["code"]) == (507, "storage_full")
    assert server.client.get("/v1/items").json["items"] == []


def test_a_storage_that_fills_up_keeps_what_it_took(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    put, room = server.services.originals.put, [2]

    def fills_up(*arguments: object) -> str:
        if not room[0]:
            raise StorageFull("The storage is full.")
        room[0] -= 1
        return put(*arguments)

    monkeypatch.setattr(server.services.originals, "put", fills_up)
    answer = server.upload(*[jpeg(RED, seed=i) for i in range(4)])
    assert answer.status_code == 202
    assert len(answer.json["items"]) == 2
    assert [(e["index"], e["code"]) for e in answer.json["errors"]] == [
        (2, "storage_full"),
        (3, "storage_full"),
    ]
    assert originals(server) == 2


def test_a_catalogue_that_is_away_is_a_503_and_leaves_no_bytes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> list:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(server.services.catalogue, "add_images", away)
    answer = server.upload(jpeg(RED))
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert originals(server) == 0


def test_chunks_that_were_committed_before_the_catalogue_went_away_are_reported_as_accepted(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_images, calls = server.services.catalogue.add_images, []

    def once(tenant, new, source):
        calls.append(new)
        if len(calls) > 1:
            raise Unavailable("The database does not answer.")
        return add_images(tenant, new, source)

    monkeypatch.setattr(server.services.catalogue, "add_images", once)
    answer = server.upload(*[small(i) for i in range(CHUNK + 3)])
    assert answer.status_code == 202
    assert len(answer.json["items"]) == CHUNK
    assert [error["code"] for error in answer.json["errors"]] == ["unavailable"] * 3
    assert originals(server) == CHUNK


def test_an_upload_is_accepted_while_the_vector_store_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("query_batch", "get", "upsert", "delete", "check"):
        monkeypatch.setattr(server.services.store, name, _away)
    assert server.upload(jpeg(RED), caption=[TEXT_CAPTION]).status_code == 202


def _away(*_: object) -> None:
    raise Unavailable("The store does not answer.")


@pytest.mark.parametrize("urgency", ["u=3", "u=4"], ids=["as usual", "a script in Firefox"])
def test_an_import_waits_for_what_somebody_waits_for(server: Server, urgency: str) -> None:
    many = [item["id"] for item in server.upload(*[jpeg(seed=n) for n in range(9)]).json["items"]]
    unhurried = server.client.post(
        "/v1/captions", json={"captions": [{"text": "late"}]}, headers={"Priority": "i, u=5"}
    )
    many += [item["id"] for item in unhurried.json["items"]]
    urgent = server.client.post(
        "/v1/images",
        data={"file": (io.BytesIO(jpeg(seed=100)), "1.jpg")},
        headers={"Priority": urgency, "X-Request-ID": "abc-1"},
    )
    claims = server.services.catalogue.claims
    first, second = (claims.claim(server.encoder.space.name, "w", 100, 60) for _ in range(2))
    assert [(each.item.id, each.request_id) for each in first] == [(urgent.json["items"][0]["id"], "abc-1")]
    assert [each.item.id for each in second] == many
