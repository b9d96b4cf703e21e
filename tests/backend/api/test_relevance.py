"""Relevance in answers, once a space is calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.backend.api.conftest import Server
from tests.support.calibrations import colour_calibration

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def calibrated(server: Server) -> Server:
    server.services.catalogue.calibrations.put(colour_calibration(server.encoder))
    server.pictures(RED, (200, 60, 0), GREEN, BLUE)
    server.caption("red", "something red", "blue", "green and red")
    server.ingest()
    return server


def hits(answer: Any) -> list[dict[str, Any]]:
    return [hit for name in ("images", "captions", "merged") for hit in answer[name] or ()]


def test_without_a_calibration_relevance_is_null(server: Server) -> None:
    server.pictures(RED)
    assert [hit["relevance"] for hit in hits(server.search("red").json)] == [None]


def test_a_cut_without_a_calibration_says_what_to_do(server: Server) -> None:
    answer = server.search("red", min_relevance=0.25)
    assert (answer.status_code, answer.json["code"]) == (422, "not_calibrated")
    assert answer.json["errors"][0]["field"] == "min_relevance"
    assert "twinspace calibrate" in answer.json["detail"]
    assert server.search("red", min_relevance=0).status_code == 200


def test_relevance_rises_with_the_score_in_each_list(calibrated: Server) -> None:
    answer = calibrated.search("red").json
    for name in ("images", "captions"):
        relevances = [hit["relevance"] for hit in answer[name]]
        assert relevances == sorted(relevances, reverse=True)
        assert all(0 < relevance < 1 for relevance in relevances)
        assert len(set(relevances)) == len({hit["score"] for hit in answer[name]})


@pytest.mark.parametrize(
    "options",
    [{}, {"mode": "hybrid"}, {"mode": "lexical"}, {"merge": "rrf", "group_by": "image"}, {"diversify": 0.5}],
)
def test_a_cut_by_relevance_keeps_what_reaches_it(calibrated: Server, options: dict[str, Any]) -> None:
    whole = hits(calibrated.search("red", **options).json)
    for cut in (0.05, 0.5, 0.9, 1.0):
        kept = hits(calibrated.search("red", min_relevance=cut, **options).json)
        expected = {hit["id"] for hit in whole if hit["relevance"] >= cut}
        assert {hit["id"] for hit in kept} == expected
        assert {hit["id"]: hit["relevance"] for hit in kept} == {
            hit["id"]: hit["relevance"] for hit in whole if hit["id"] in expected
        }


def test_later_pages_keep_the_scale_of_the_first(calibrated: Server) -> None:
    whole = calibrated.search("red", min_relevance=0.05).json
    first = calibrated.search("red", min_relevance=0.05, limit=1).json
    other = colour_calibration(calibrated.encoder)
    for group in other.groups.values():
        for direction in group.directions.values():
            direction.cosines[:] += 0.1
    calibrated.services.catalogue.calibrations.put(other)
    second = calibrated.search("red", min_relevance=0.05, limit=100, cursor=first["next_cursor"]).json
    for name in ("images", "captions"):
        assert first[name] + second[name] == whole[name]


@pytest.mark.parametrize("weights", [(0, -1), (-1, -0.5), (0, 0, -2)])
def test_a_query_that_wants_nothing_is_answered_with_what_is_unlike_it(
    calibrated: Server, weights: tuple[float, ...]
) -> None:
    parts = [{"text": text, "weight": w} for text, w in zip(("green", "red", "blue"), weights, strict=False)]
    found = calibrated.search(parts)
    assert found.status_code == 200, found.text
    assert len(found.json["images"]) == 4
    assert all(0 < hit["relevance"] < 1 for hit in hits(found.json))
    best = found.json["images"][0]
    kept = calibrated.search(parts, min_relevance=best["relevance"] - 1e-5).json["images"]
    assert kept[0] == best


def test_words_are_weighed_against_each_other_exactly_as_asked(calibrated: Server) -> None:
    """Whoever sums the vectors of `/v1/embed` by the same weights gets the same scores."""
    answer = calibrated.client.post("/v1/embed", json={"texts": ["red", "green 7", "something red"]}).json
    red, green, hit = np.array(answer["vectors"])
    expected = (red - 0.5 * green) / np.linalg.norm(red - 0.5 * green) @ hit
    found = calibrated.search([{"text": "red"}, {"text": "green 7", "weight": -0.5}]).json["captions"]
    [score] = [one["score"] for one in found if one["text"] == "something red"]
    assert score == pytest.approx(expected, abs=1e-3)
