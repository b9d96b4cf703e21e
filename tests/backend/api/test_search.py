from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from backend.errors import Unavailable
from tests.backend.api.conftest import Server, Start
from tests.support.pictures import encoded, jpeg, picture

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
NOWHERE = "00000000-0000-5000-8000-000000000000"


def ids(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["id"] for hit in hits]


# -- what is found ----------------------------------------------------------------------------
def test_words_find_pictures_and_captions_by_cosine(server: Server) -> None:
    red, _, blue = server.pictures(RED, GREEN, BLUE)
    caption = server.caption("something red", "something green")[0]
    server.ingest()
    answer = server.search("red").json
    assert answer["images"][0]["id"] == red
    assert answer["captions"][0]["id"] == caption
    for name in ("images", "captions"):
        scores = [hit["score"] for hit in answer[name]]
        assert scores == sorted(scores, reverse=True)
    assert answer["space"] == server.encoder.space.name
    assert set(answer["took_ms"]) == {"encode", "search", "total"}
    assert server.search("blue").json["images"][0]["id"] == blue


def test_the_score_is_the_cosine_with_the_combined_query(server: Server) -> None:
    server.pictures(RED, BLUE)
    parts = [{"text": "red", "weight": 2}, {"text": "blue", "weight": -0.5}]
    hits = server.search(parts).json["images"]
    red, blue = server.encoder.encode_texts(["red", "blue"])
    query = 2 * red - 0.5 * blue
    query /= np.linalg.norm(query)
    space = server.encoder.space.name
    for point, hit in zip(server.services.store.get(space, "image", ids(hits)), hits, strict=True):
        assert hit["score"] == pytest.approx(float(point.vector @ query), abs=2e-3)


def test_a_picture_finds_itself_and_its_like(server: Server) -> None:
    red, blue = server.pictures(RED, BLUE)
    hits = server.search([{"file": 0}], [jpeg(RED, seed=0)]).json["images"]
    assert ids(hits) == [red, blue]
    assert hits[0]["score"] == pytest.approx(1, abs=1e-3)


def test_a_stored_item_finds_others_but_not_itself(server: Server) -> None:
    red, also_red, blue = server.pictures(RED, (250, 5, 5), BLUE)
    assert ids(server.search([{"item": red}]).json["images"]) == [also_red, blue]
    [caption] = server.caption("blue")
    server.ingest()
    answer = server.search([{"item": caption}]).json
    assert answer["captions"] == []
    assert answer["images"][0]["id"] == blue


def test_an_item_that_waits_to_be_indexed_can_be_searched_with(server: Server) -> None:
    red, _ = server.pictures(RED, BLUE)
    [waiting] = server.upload(encoded(picture((250, 5, 5)), "PNG")).json["items"]
    [caption] = server.caption("red")
    for part in ({"item": waiting["id"]}, {"item": caption}):
        assert server.search([part]).json["images"][0]["id"] == red


def test_an_item_that_cannot_be_decoded_cannot_be_searched_with(server: Server) -> None:
    data = jpeg(RED, (400, 300))
    [item] = server.upload(data[: len(data) // 2]).json["items"]
    server.ingest()
    answer = server.search([{"text": "a"}, {"item": item["id"]}])
    assert (answer.status_code, answer.json["code"]) == (422, "corrupt_image")
    assert answer.json["errors"][0]["field"] == "query.1.item"


def test_only_what_was_asked_for_is_returned(server: Server) -> None:
    server.pictures(RED)
    server.caption("red")
    server.ingest()
    answer = server.search("red", **{"return": ["captions"]}).json
    assert answer["images"] == []
    assert len(answer["captions"]) == 1


def test_min_score_cuts(server: Server) -> None:
    red, _ = server.pictures(RED, BLUE)
    assert ids(server.search("red", min_score=0.8).json["images"]) == [red]


def test_filters_hold_together(server: Server) -> None:
    first = server.upload(jpeg(RED, seed=1), tags=["a", "b"], metadata='{"n": 1, "ok": true}').json["items"][
        0
    ]
    second = server.upload(jpeg(RED, seed=2), tags=["a"], metadata='{"n": "x"}').json["items"][0]
    server.ingest()
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {first["id"], second["id"]}),
        ({"tags_any": ["a", "z"]}, {first["id"], second["id"]}),
        ({"tags_all": ["a", "b"]}, {first["id"]}),
        ({"tags_none": ["b"]}, {second["id"]}),
        ({"metadata": {"n": 1}}, {first["id"]}),
        ({"metadata": {"n": 1.0}}, {first["id"]}),
        ({"metadata": {"n": "1"}}, {first["id"]}),
        ({"metadata": {"n": "x"}}, {second["id"]}),
        ({"metadata": {"n": 1, "ok": True}}, {first["id"]}),
        ({"metadata": {"ok": False}}, set()),
        ({"ids": [second["id"].upper()]}, {second["id"]}),
        ({"created_before": "2020-01-01T00:00:00Z"}, set()),
        ({"created_after": "2020-01-01T00:00:00+01:00"}, {first["id"], second["id"]}),
        ({"created_after": first["created_at"], "tags_any": ["b"], "ids": []}, {first["id"]}),
    ]
    for condition, expected in cases:
        found = server.search("red", filter=condition)
        assert found.status_code == 200, found.text
        assert set(ids(found.json["images"])) == expected, condition


def test_ranges_of_numbers_and_dates_need_no_setting(server: Server) -> None:
    fields = ('{"price": 3, "taken": "2024-05-01"}', '{"price": [7.5], "taken": "2024-06-01T08:00:00+09:00"}')
    first, second = (
        server.upload(jpeg(RED, seed=n), metadata=metadata).json["items"][0]["id"]
        for n, metadata in enumerate(fields)
    )
    server.ingest()
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({"price": {"gte": 1, "lt": 5}}, {first}),
        ({"price": {"gt": 3}}, {second}),
        ({"price": {"gte": "2024-01-01"}}, set()),
        ({"taken": {"gte": "2024-05-01"}}, {first, second}),
        ({"taken": {"gt": "2024-05-01", "lt": "2024-06-01"}}, {second}),
        ({"taken": {"lt": "2024-05-01T00:00:01Z"}}, {first}),
    ]
    for conditions, expected in cases:
        found = server.search("red", filter={"metadata": conditions})
        assert found.status_code == 200, found.text
        assert set(ids(found.json["images"])) == expected, conditions


def test_nothing_is_found_in_an_empty_collection(empty: Server) -> None:
    answer = empty.search("red").json
    assert (answer["images"], answer["captions"], answer["next_cursor"]) == ([], [], None)


def test_the_answer_says_how_far_the_indexing_is(start: Start) -> None:
    server = start()
    server.pictures(RED)
    assert server.search("red").json["indexing"] is None
    server = start("other")
    server.pictures(RED)
    server.caption("red", "blue")
    assert server.search("red").json["indexing"] == {"indexed": 1, "total": 3}


def test_a_search_for_words_by_get_is_the_same(server: Server) -> None:
    server.pictures(RED, BLUE)
    server.caption("red")
    server.ingest()
    by_get = server.client.get("/v1/search?q=red&limit=1&return=images&return=captions").json
    by_comma = server.client.get("/v1/search?q=red&limit=1&return=images,captions").json
    by_post = server.search("red", limit=1).json
    for name in ("images", "captions", "next_cursor"):
        if name != "next_cursor":
            assert by_get[name] == by_comma[name] == by_post[name]
    following = server.client.get("/v1/search", query_string={"q": "red", "cursor": by_get["next_cursor"]})
    assert len(following.json["images"]) == 1


# -- what is refused --------------------------------------------------------------------------
def test_whole_numbers_may_be_written_with_a_point(server: Server) -> None:
    server.pictures(RED, BLUE)
    assert len(server.search("red", limit=1.0).json["images"]) == 1


def test_past_the_bound_searches_are_refused_and_then_work_again(start: Start) -> None:
    server = start(query_queue=2, text_batch=1)
    entered, release = threading.Event(), threading.Event()
    encode = server.encoder.encode_texts

    def slow(texts: Any) -> Any:
        entered.set()
        release.wait(10)
        return encode(texts)

    server.encoder.encode_texts = slow
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda: answers.append(server.app.test_client().get("/v1/search?q=red")))
        for _ in range(8)
    ]
    threads[0].start()
    entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(answers) < 5:  # One is in work, two wait.
        threading.Event().wait(0.01)
    assert {(answer.status_code, answer.json["code"]) for answer in answers} == {(503, "overloaded")}
    assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
    release.set()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [503] * 5
    assert server.search("red").status_code == 200


def test_a_store_that_is_away_is_a_503(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def away(*arguments: object) -> None:
        calls.append(arguments)
        raise Unavailable("The store does not answer.")

    monkeypatch.setattr(server.services.store, "query_batch", away)
    answer = server.search("red")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert len(calls) == 1


def test_a_text_that_breaks_the_encoder_fails_alone(server: Server) -> None:
    encode = server.encoder.encode_texts

    def picky(texts: Any) -> Any:
        if "poison" in texts:
            raise RuntimeError("cannot encode this")
        return encode(texts)

    server.encoder.encode_texts = picky
    assert server.search("poison").status_code == 500
    assert server.search("red").status_code == 200


# -- embed ------------------------------------------------------------------------------------
def test_texts_and_pictures_are_embedded_in_order(server: Server) -> None:
    answer = server.client.post("/v1/embed", json={"texts": ["red", "blue"]}).json
    assert answer["dim"] == server.encoder.space.dim
    assert np.allclose(answer["vectors"], server.encoder.encode_texts(["red", "blue"]))
    pictures = [(io.BytesIO(encoded(picture(colour), "PNG")), "a.png") for colour in (RED, BLUE, GREEN)]
    answer = server.client.post("/v1/embed", data={"file": pictures}).json
    assert np.allclose(
        answer["vectors"], server.encoder.encode_images([picture(c) for c in (RED, BLUE, GREEN)])
    )


@pytest.mark.parametrize("body", [{"texts": []}, {"texts": ["a"] * 101}, {"texts": "a"}, {"texts": [""]}, {}])
def test_wrong_texts_are_refused(empty: Server, body: Any) -> None:
    answer = empty.client.post("/v1/embed", json=body)
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"].startswith("texts")


def test_wrong_pictures_are_refused(empty: Server) -> None:
    files = [(io.BytesIO(jpeg(RED)), "a.jpg"), (io.BytesIO(b"x"), "b.jpg")]
    answer = empty.client.post("/v1/embed", data={"file": files})
    assert answer.status_code == 415
    assert answer.json["errors"][0]["field"] == "file.1"
    too_many = [(io.BytesIO(b"x"), "a.jpg")] * 101
    assert empty.client.post("/v1/embed", data={"file": too_many}).status_code == 422
    none = empty.client.post("/v1/embed", data={"text": "x"}, content_type="multipart/form-data")
    assert none.status_code == 422


def test_many_inputs_are_encoded_in_turns(start: Start) -> None:
    server = start(text_batch=4, image_batch=2)
    batches: list[int] = []
    encode_texts, encode_images = server.encoder.encode_texts, server.encoder.encode_images
    server.encoder.encode_texts = lambda texts: batches.append(len(texts)) or encode_texts(texts)
    server.encoder.encode_images = lambda images: batches.append(len(images)) or encode_images(images)
    texts = [f"red {i}" for i in range(10)]
    answer = server.client.post("/v1/embed", json={"texts": texts}).json
    assert np.allclose(answer["vectors"], encode_texts(texts))
    files = [(io.BytesIO(jpeg(RED, seed=i)), "a.jpg") for i in range(5)]
    assert len(server.client.post("/v1/embed", data={"file": files}).json["vectors"]) == 5
    assert batches == [4, 4, 2, 2, 2, 1]


def test_a_large_picture_finds_itself(server: Server) -> None:
    for format in ("PNG", "JPEG", "WEBP"):
        noise = np.random.default_rng(0).integers(0, 256, (1100, 1400, 3), np.uint8)
        data = encoded(Image.fromarray(noise), format)
        [item] = server.upload(data).json["items"]
        server.ingest()
        [hit, *_] = server.search([{"file": 0}], [data]).json["images"]
        assert hit["id"] == item["id"]
        assert hit["score"] == pytest.approx(1, abs=1e-4)
