from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.backend.api.conftest import Server
from tests.support.pictures import jpeg

RED, BLUE = (255, 0, 0), (0, 0, 255)
NOWHERE = "00000000-0000-5000-8000-000000000000"
COLOURS = ["red", "green", "blue"]


def classify(server: Server, **request: Any) -> Any:
    return server.client.post("/v1/classify", json=request)


def with_file(server: Server, data: bytes, **request: Any) -> Any:
    form = {"request": json.dumps(request), "file": (io.BytesIO(data), "a.jpg")}
    return server.client.post("/v1/classify", data=form, content_type="multipart/form-data")


def test_a_stored_picture_is_what_it_shows(server: Server) -> None:
    red, blue = server.pictures(RED, BLUE)
    for id, colour in ((red, "red"), (blue, "blue")):
        labels = classify(server, item=id, labels=COLOURS).json["labels"]
        assert labels[0]["label"] == colour
        assert sum(label["probability"] for label in labels) == pytest.approx(1, abs=1e-5)
        scores = [label["score"] for label in labels]
        assert scores == sorted(scores, reverse=True)


def test_an_uploaded_picture_with_chinese_labels_and_templates_of_its_own(empty: Server) -> None:
    answer = with_file(empty, jpeg(BLUE), file=0, labels=["红", "蓝"], templates=["{}的照片", "{}"], top=1)
    assert [label["label"] for label in answer.json["labels"]] == ["蓝"]


def test_a_picture_that_waits_to_be_indexed_can_be_classified(server: Server) -> None:
    [item] = server.upload(jpeg(RED)).json["items"]
    assert classify(server, item=item["id"], labels=COLOURS).json["labels"][0]["label"] == "red"


def test_a_caption_is_no_picture(server: Server) -> None:
    [caption] = server.caption("red")
    answer = classify(server, item=caption, labels=COLOURS)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "item")


def test_an_item_that_is_not_there_is_named(empty: Server) -> None:
    answer = classify(empty, item=NOWHERE, labels=COLOURS)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (404, "item")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"item": None}, "item"),
        ({"file": 0}, "item"),
        ({"item": None, "file": 0}, "file"),
        ({"item": None, "file": 1}, "file"),
        ({"item": "x"}, "item"),
        ({"labels": None}, "labels"),
        ({"labels": []}, "labels"),
        ({"labels": "red"}, "labels"),
        ({"labels": ["red", "red"]}, "labels"),
        ({"labels": ["red", " "]}, "labels.1"),
        ({"labels": ["red", 3]}, "labels.1"),
        ({"labels": ["x" * 501]}, "labels.0"),
        ({"labels": [str(n) for n in range(1001)]}, "labels"),
        ({"labels": ["a\ud800"]}, "labels.0"),
        ({"templates": []}, "templates"),
        ({"templates": ["a photo"]}, "templates.0"),
        ({"templates": ["{}", "{} or {}"]}, "templates.1"),
        ({"templates": ["{}", "{}"]}, "templates"),
        ({"templates": "{}"}, "templates"),
        ({"templates": [str(n) + " {}" for n in range(21)]}, "templates"),
        (
            {"templates": [str(n) + " {}" for n in range(6)], "labels": [str(n) for n in range(1000)]},
            "templates",
        ),
        ({"top": 0}, "top"),
        ({"top": 1.5}, "top"),
        ({"top": "5"}, "top"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_request_is_refused_with_the_field(empty: Server, change: dict[str, Any], field: str) -> None:
    body = json.dumps({"item": NOWHERE, "labels": COLOURS} | change)
    answer = empty.client.post("/v1/classify", data=body, content_type="application/json")
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["field"] == field


def test_files_are_checked_as_in_a_search(empty: Server) -> None:
    assert with_file(empty, jpeg(RED), item=NOWHERE, labels=COLOURS).json["errors"][0]["field"] == "file"
    broken = with_file(empty, b"x", file=0, labels=COLOURS)
    assert (broken.status_code, broken.json["errors"][0]["field"]) == (415, "file.0")
    form = {"file": (io.BytesIO(jpeg(RED)), "a.jpg")}
    assert empty.client.post("/v1/classify", data=form).json["errors"][0]["field"] == "request"
