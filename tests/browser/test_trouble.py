"""When things go wrong the page says so in the API's words, and goes on when they are right again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Expect, Open, photo
from tests.browser.pages import drop_files, first_files, search
from tests.support.pictures import jpeg
from tests.support.server import Server

KEY = "a key for the tests"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that wants a key, and takes small pictures only."""
    folder = tmp_path_factory.mktemp("guarded")
    with Server(folder / "data", api_keys=KEY, max_image_bytes=100_000) as server:
        with server.client(key=KEY) as client:
            added = client.upload([("red.jpg", jpeg((250, 5, 5)))], captions=["something red"]).items
            client.wait([item.id for item in added])
        yield server


def enter_key(page, key: str) -> None:
    page.get_by_role("textbox", name="API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


def test_a_key_is_asked_for_once_and_kept_for_the_tab(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?q=red", wait=False)
    expect_failures()
    assert "needs a valid API key" in page.get_by_role("dialog").inner_text()
    enter_key(page, "a wrong one")
    page.get_by_text("did not accept that key").wait_for()
    enter_key(page, KEY)
    assert first_files(page) == ["red.jpg"]
    assert (
        page.locator(".hit img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    )
    page.reload()
    assert first_files(page) == ["red.jpg"]
    assert KEY not in page.url
    assert page.evaluate("Object.values(localStorage)") == []
    assert page.evaluate("document.cookie") == ""


def test_without_a_key_the_refusal_stands_there(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?q=red", wait=False)
    expect_failures()
    page.get_by_role("button", name="Cancel").click()
    assert "401 · unauthorized" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Try again").click()
    enter_key(page, KEY)
    assert first_files(page) == ["red.jpg"]


def test_a_picture_that_is_too_large_is_refused_with_the_reason(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?view=upload")
    expect_failures()
    drop_files(page, ".zone", [("large.png", "image/png", photo("coffee.png").read_bytes())])
    enter_key(page, KEY)
    page.locator(".pill.failed").wait_for()
    assert "larger than 100,000 bytes" in page.locator(".reason").inner_text()
    page.get_by_role("link", name="Search", exact=True).click()
    drop_files(page, "body", [("large.png", "image/png", photo("coffee.png").read_bytes())])
    assert "larger than 100,000 bytes" in page.get_by_role("alert").inner_text()


def test_an_overloaded_server_is_said_to_be_and_tried_again(
    gallery: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(gallery)
    expect_failures()
    detail = "Too many queries are waiting; try again in a moment."
    problem = {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": detail,
        "code": "overloaded",
    }
    busy = {"status": 503, "content_type": "application/problem+json", "body": json.dumps(problem)}
    page.route("**/v1/search", lambda route: route.fulfill(**busy))
    search(page, "a cat")
    assert detail in page.get_by_role("alert").inner_text()
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    assert first_files(page)[0] == "chelsea.png"
    assert page.get_by_role("alert").count() == 0


def test_slow_answers_are_waited_for_and_a_newer_question_overtakes_them(
    gallery: Server, open_page: Open
) -> None:
    page = open_page(gallery)

    def delay(route) -> None:
        if "cat" in (route.request.post_data or ""):
            time.sleep(1)
        route.continue_()

    page.route("**/v1/search", delay)
    box = page.get_by_role("searchbox")
    box.fill("a cat")
    box.press("Enter")
    assert page.locator(".results").get_attribute("aria-busy") == "true"
    box.fill("a cup of coffee")
    box.press("Enter")
    page.locator(".results[aria-busy=false]").wait_for()
    assert first_files(page)[0] == "coffee.png"
    box.fill("a cat, a cat")
    box.press("Enter")
    page.go_back()
    page.wait_for_timeout(1500)
    assert first_files(page)[0] == "coffee.png"
    assert page.locator(".results").get_attribute("aria-busy") == "false"


@pytest.mark.slow
def test_a_server_that_is_gone_is_missed_and_found_again(
    tmp_path: Path, open_page: Open, expect_failures: Expect
) -> None:
    with Server(tmp_path / "data") as server:
        port = int(server.url.rpartition(":")[2])
        page = open_page(server)
        expect_failures()
        server.kill()
        search(page, "red")
        assert "cannot be reached" in page.get_by_role("alert").inner_text()
        page.get_by_role("link", name="Upload").click()
        drop_files(page, ".zone", [("red.jpg", "image/jpeg", jpeg((250, 5, 5)))])
        page.get_by_role("alert").wait_for()
        assert "cannot be reached" in page.get_by_role("alert").inner_text()
        server.start(port=port)
        page.locator(".pill.indexed").wait_for(timeout=30_000)
        assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_many_uploads_without_a_key_ask_once_and_wait(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?view=upload")
    expect_failures()
    drop_files(page, ".zone", [(f"{i}.jpg", "image/jpeg", jpeg((9, 9, 200), seed=i)) for i in range(8)])
    page.get_by_role("button", name="Cancel").click()
    assert "valid API key" in page.get_by_role("alert").inner_text()
    page.wait_for_timeout(300)
    assert page.get_by_role("dialog").count() == 0
    assert page.locator(".pill.failed").count() == 0
    page.get_by_role("button", name="Try again").click()
    enter_key(page, KEY)
    page.get_by_text("8 of 8 indexed").wait_for()


@pytest.mark.slow
def test_an_answer_that_takes_long_is_said_to(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery)
    page.route("**/v1/search", lambda route: (time.sleep(5), route.continue_()))
    box = page.get_by_role("searchbox")
    box.fill("a cat")
    box.press("Enter")
    page.get_by_text("The server is taking its time").wait_for()
    assert first_files(page)[0] == "chelsea.png"


def test_a_file_dropped_where_nobody_takes_it_does_not_replace_the_page(
    gallery: Server, open_page: Open
) -> None:
    page = open_page(gallery, "?view=overview")
    assert not page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["x"], "x.txt"));
            return document.body.dispatchEvent(
                new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })
            );
        }"""
    )
