from __future__ import annotations

from tests.backend.api.conftest import Server
from tests.support.pictures import jpeg

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_pages_go_through_both_lists_and_end(server: Server) -> None:
    server.pictures(*[(200 + i, i, i) for i in range(7)])
    server.caption(*[f"red {i}" for i in range(4)])
    server.ingest()
    whole = server.search("red", limit=100).json
    assert whole["next_cursor"] is None
    images, captions, cursor, pages = [], [], None, 0
    while pages == 0 or cursor:
        page = server.search("red", limit=2 + pages, cursor=cursor).json
        images += page["images"]
        captions += page["captions"]
        cursor, pages = page["next_cursor"], pages + 1
    assert images == whole["images"]
    assert captions == whole["captions"]


def test_a_cursor_fits_its_own_search_only(server: Server) -> None:
    [red, *_] = server.pictures(RED, GREEN, BLUE)
    cursor = server.search("red", limit=1).json["next_cursor"]
    assert server.search("red", limit=5, cursor=cursor).status_code == 200
    others = [
        ("blue", {}),
        ([{"text": "red", "weight": 2}], {}),
        ([{"item": red}], {}),
        ("red", {"filter": {"tags_any": ["a"]}}),
        ("red", {"return": ["images"]}),
        ("red", {"min_score": 0.1}),
        ("red", {"mode": "hybrid"}),
        ("red", {"merge": "rrf"}),
        ("red", {"diversify": 0.1}),
        ("red", {"group_by": "image"}),
        ("red", {"order_by": "created_at"}),
    ]
    for query, options in others:
        answer = server.search(query, cursor=cursor, **options)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_cursor")


def test_a_cursor_of_pictures_needs_the_same_pictures(server: Server) -> None:
    server.pictures(RED, GREEN, BLUE)
    cursor = server.search([{"file": 0}], [jpeg(RED)], limit=1).json["next_cursor"]
    assert len(server.search([{"file": 0}], [jpeg(RED)], cursor=cursor).json["images"]) == 2
    assert server.search([{"file": 0}], [jpeg(BLUE)], cursor=cursor).json["code"] == "invalid_cursor"


def test_a_cursor_that_was_tampered_with_is_refused(server: Server) -> None:
    server.pictures(RED, GREEN, BLUE)
    cursor = server.search("red", limit=1).json["next_cursor"]
    for position in range(0, len(cursor) - 1, 7):
        other = "A" if cursor[position] != "A" else "B"
        tampered = cursor[:position] + other + cursor[position + 1 :]
        assert server.search("red", cursor=tampered).json["code"] == "invalid_cursor"
    assert server.search("red", cursor=cursor[:-10]).json["code"] == "invalid_cursor"
    assert server.search("red", cursor=cursor + "AAAA").json["code"] == "invalid_cursor"


# -- busy and broken --------------------------------------------------------------------------
