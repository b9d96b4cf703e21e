"""Merged, diversified, grouped and dated lists, as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.backend.api.conftest import Server
from tests.support.pictures import jpeg

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def ids(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["id"] for hit in hits]


@pytest.fixture
def album(server: Server) -> dict[str, list[str]]:
    """Three pictures, each followed by its captions, and a caption of none."""
    names: dict[str, list[str]] = {}
    for name, colour in (("red", RED), ("green", GREEN), ("blue", BLUE)):
        answer = server.upload(jpeg(colour), caption=[f"{name} one", f"{name} two", "red and " + name])
        names[name] = ids(answer.json["items"])
    names["alone"] = server.caption("red red")
    server.ingest()
    return names


def test_nothing_is_merged_unless_asked_for(server: Server, album: dict[str, list[str]]) -> None:
    assert server.search("red").json["merged"] is None


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid"])
@pytest.mark.parametrize("order", [{}, {"merge": "rrf", "group_by": "image"}, {"order_by": "created_at"}])
def test_pictures_without_captions_are_no_captions(
    server: Server, album: dict[str, list[str]], mode: str, order: dict[str, str]
) -> None:
    [bare] = ids(server.upload(jpeg(GREEN, seed=30)).json["items"])
    server.ingest()
    asked = {"mode": mode, **order}
    for has_caption in (False, True):
        answer = server.search("red", filter={"has_caption": has_caption}, **asked).json
        assert {hit["kind"] for hit in answer["images"] + (answer["merged"] or [])} <= {"image"}
        assert (bare in ids(answer["images"])) == (not has_caption and mode != "lexical")
        assert answer["captions"] == []
        captions = {"return": ["captions"], "filter": {"has_caption": has_caption}}
        answer = server.search("red", **captions, **asked).json
        assert (answer["images"], answer["captions"], answer["next_cursor"]) == ([], [], None)


def test_a_merged_list_takes_turns_by_rank(server: Server, album: dict[str, list[str]]) -> None:
    answer = server.search("red", merge="rrf", limit=6).json
    images, captions = answer["images"], answer["captions"]
    turns = [hit for pair in zip(images, captions, strict=False) for hit in pair]
    assert ids(answer["merged"]) == ids([*turns, *captions[len(images) :]])[:6]
    assert len(images) == 3
    plain = server.search("red", limit=6).json
    assert (plain["images"], plain["captions"]) == (images, captions)


def test_captions_of_a_picture_stand_together(server: Server, album: dict[str, list[str]]) -> None:
    for limit in (1, 3, 5, 20):
        answer = server.search("red", group_by="image", limit=limit).json
        plain = server.search("red", limit=20).json
        owners = [hit["image_id"] or hit["id"] for hit in answer["captions"]]
        assert owners == sorted(owners, key=owners.index)
        best = list(dict.fromkeys(hit["image_id"] or hit["id"] for hit in plain["captions"]))
        assert list(dict.fromkeys(owners)) == best[: len(set(owners))]
        assert len(answer["captions"]) == min(limit, 10)
        assert answer["images"] == plain["images"][:limit]


def test_a_picture_stands_before_its_captions(server: Server, album: dict[str, list[str]]) -> None:
    merged = ids(server.search("red", group_by="image", merge="rrf").json["merged"])
    assert sorted(merged) == sorted(id for group in album.values() for id in group)
    for group in album.values():
        start = merged.index(group[0])
        assert set(merged[start : start + len(group)]) == set(group)


def test_newest_first_among_what_is_good_enough(server: Server) -> None:
    reds = [server.pictures((250 + i, 0, 0))[0] for i in range(4)]
    server.pictures(BLUE)
    answer = server.search("red", order_by="created_at", min_score=0.8, merge="rrf").json
    assert ids(answer["images"]) == ids(answer["merged"]) == reds[::-1]


def test_a_diverse_list_shows_other_things_sooner(server: Server) -> None:
    *reds, blue = server.pictures(*[(250 + i, i, 60) for i in range(5)], (120, 0, 130))
    assert ids(server.search("red").json["images"])[-1] == blue
    diverse = server.search("red", diversify=0.7).json["images"]
    assert ids(diverse)[1] == blue
    assert sorted(ids(diverse)) == sorted([*reds, blue])
    assert server.search("red", diversify=0).json["images"] == server.search("red").json["images"]


@pytest.mark.parametrize(
    "options",
    [
        {"merge": "rrf"},
        {"group_by": "image"},
        {"group_by": "image", "merge": "rrf"},
        {"diversify": 0.5},
        {"diversify": 1, "group_by": "image", "merge": "rrf"},
        {"order_by": "created_at"},
        {"order_by": "created_at", "group_by": "image", "merge": "rrf"},
    ],
)
@pytest.mark.parametrize("limit", [1, 4])
def test_pages_hold_everything_once(
    server: Server, album: dict[str, list[str]], options: dict[str, Any], limit: int
) -> None:
    whole = server.search("red", limit=1000, **options).json
    assert whole["next_cursor"] is None
    names = [name for name in ("images", "captions", "merged") if whole[name] is not None]
    seen: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    cursor, pages = None, 0
    while pages == 0 or cursor:
        page = server.search("red", limit=limit, cursor=cursor, **options).json
        for name in names:
            assert len(page[name]) <= limit
            seen[name] += page[name]
        cursor, pages = page["next_cursor"], pages + 1
    assert seen == {name: whole[name] for name in names}


def test_the_same_by_get(server: Server, album: dict[str, list[str]]) -> None:
    asked = {"merge": "rrf", "group_by": "image", "diversify": 0.5, "limit": 3}
    by_get = server.client.get("/v1/search", query_string={"q": "red", **asked}).json
    assert by_get["merged"] == server.search("red", **asked).json["merged"]


def test_a_rare_word_finds_its_picture_among_many_that_nobody_described(server: Server) -> None:
    server.pictures(*[(250 + i % 5, i, i) for i in range(20)])
    [named, *_] = ids(server.upload(jpeg(BLUE), caption=["taken by Okonkwo"]).json["items"])
    server.ingest()
    for mode, found in (("dense", False), ("lexical", True), ("hybrid", True)):
        images = ids(server.search("red, by Okonkwo", mode=mode, limit=5).json["images"])
        assert (named in images) == found, mode


def test_a_picture_that_nobody_described_does_not_lose_to_those_that_somebody_did(server: Server) -> None:
    [undescribed] = server.pictures(RED)
    for n in range(12):
        server.upload(jpeg((0, 200 + n, 0)), caption=[f"red dog {n}"])
    server.ingest()
    assert undescribed in ids(server.search("red dog", hybrid=True, limit=5).json["images"])


def test_nor_where_few_pictures_are_described_and_some_of_them_otherwise(server: Server) -> None:
    [undescribed] = server.pictures(RED)
    for n in range(20):
        server.upload(jpeg((240, 5 * n, 5 * n)), caption=[f"red dog {n}" if n % 2 else f"a cat {n}"])
    server.ingest()
    assert undescribed in ids(server.search("red dog", hybrid=True, limit=5).json["images"])


def test_a_rare_word_finds_its_caption_among_many_that_mean_as_much(server: Server) -> None:
    texts = [f"red seen by {n:03} on a walk" for n in range(120)]
    server.client.post("/v1/captions", json={"captions": [{"text": text} for text in texts]})
    server.ingest()
    for wanted in texts[::40]:
        number = wanted.split()[3]
        for query in (number, f"red seen by {number}"):
            answer = server.search(query, mode="hybrid", limit=3, **{"return": ["captions"]}).json
            assert answer["captions"][0]["text"] == wanted


def test_hybrid_without_words_is_the_search_by_meaning(server: Server, album: dict[str, list[str]]) -> None:
    query = [{"item": album["red"][0]}]
    plain, hybrid = server.search(query).json, server.search(query, hybrid=True).json
    assert (plain["images"], plain["captions"]) == (hybrid["images"], hybrid["captions"])


def test_unwanted_words_count_against(server: Server) -> None:
    server.caption("a red dog", "a red cat", "a dog", "a blue cat", "red")
    server.ingest()

    def texts(query: Any, **options: Any) -> list[str]:
        return [hit["text"] for hit in server.search(query, mode="lexical", **options).json["captions"]]

    less = [{"text": "red dog"}, {"text": "dog", "weight": -1}]
    assert texts("red dog")[0] == "a red dog"
    assert texts(less).index("a red cat") < texts(less).index("a red dog")
    none = [{"text": "red"}, {"text": "dog", "weight": -1.5}]
    assert texts(none) == ["red", "a red cat", "a red dog"]
    assert sorted(texts(none, order_by="created_at")) == ["a red cat", "a red dog", "red"]
    caption = server.caption("a cat")[0]
    assert sorted(texts([{"item": caption}])) == ["a blue cat", "a red cat"]
    assert texts([{"text": "red"}, {"item": caption, "weight": -1.5}]) == ["red", "a red dog", "a red cat"]
    hybrid = server.search(none, mode="hybrid").json["captions"]
    assert len(hybrid) == 5
    assert hybrid[0]["text"] == "red"


@pytest.mark.parametrize("query", ["the of and", "!?", [{"text": "cat", "weight": -1}], "zebra"])
def test_where_there_is_no_word_to_look_for_words_find_nothing(server: Server, query: Any) -> None:
    [picture] = server.pictures(RED)
    server.caption("the red cat")
    server.ingest()
    for wanted in (query, [{"item": picture}]):
        for order in ("relevance", "created_at"):
            answer = server.search(wanted, mode="lexical", merge="rrf", order_by=order)
            assert answer.status_code == 200, answer.text
            assert answer.json["images"] == answer.json["captions"] == answer.json["merged"] == []
            assert answer.json["next_cursor"] is None


def test_the_score_of_a_hit_that_words_found_is_its_cosine(
    server: Server, album: dict[str, list[str]]
) -> None:
    cosines = {hit["id"]: hit["score"] for hit in server.search("blue two").json["captions"]}
    found = server.search("blue two", mode="lexical").json["captions"]
    assert {hit["text"] for hit in found} == {"blue one", "blue two", "red two", "green two", "red and blue"}
    assert found[0]["text"] == "blue two"
    assert {hit["id"]: hit["score"] for hit in found} == {hit["id"]: cosines[hit["id"]] for hit in found}
