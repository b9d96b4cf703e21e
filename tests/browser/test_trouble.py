"""When things go wrong the page says so in the API's words, and goes on when they are right again."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import KEY, Expect, Open, photo
from tests.browser.pages import drop_files, first_files, search, settled
from tests.support.pictures import encoded, jpeg, picture
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


def enter_key(page: Page, key: str) -> None:
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


def test_cancelling_the_key_dialog_is_respected_by_what_asks_again_and_again(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?view=overview", wait=False)
    expect_failures()
    page.clock.install()
    page.reload()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("alert").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert (page.get_by_role("dialog").count(), asked) == (0, [])
    page.get_by_role("button", name="Try again").click()
    enter_key(page, KEY)
    page.locator(".counts .images dd").wait_for()
    page.get_by_role("button", name="Forget the API key").click()
    page.clock.run_for(6_000)
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.slow
def test_a_key_that_is_refused_while_uploads_are_watched_is_asked_for_when_the_reader_goes_on(
    studio: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(studio, "?view=upload")
    expect_failures()
    problem = {"title": "Unauthorized", "status": 401, "detail": "The key ran out.", "code": "unauthorized"}
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=401, content_type="application/problem+json", json=problem)

    page.route("**/v1/items?ids=*", refuse)
    drop_files(page, ".zone", [("watched.jpg", "image/jpeg", jpeg((90, 9, 90), seed=66))])
    page.get_by_role("alert").get_by_text("The key ran out.").wait_for()
    page.wait_for_timeout(1000)
    assert (page.get_by_role("dialog").count(), len(asked)) == (0, 1)
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("alert").wait_for()
    page.unroute("**/v1/items?ids=*")
    page.get_by_role("button", name="Try again").click()
    page.locator(".pill.indexed").wait_for()
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_a_key_that_no_header_can_carry_is_refused_where_it_is_typed(
    guarded: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(guarded, "?q=red", wait=False)
    expect_failures()
    enter_key(page, "schlüssel")
    assert page.locator("#api-key").evaluate("input => input.validity.patternMismatch")
    enter_key(page, KEY)
    assert first_files(page) == ["red.jpg"]


def test_a_file_that_went_away_fails_alone(
    guarded: Server, open_page: Open, expect_failures: Expect, tmp_path: Path
) -> None:
    page = open_page(guarded, "?view=upload")
    expect_failures()
    for name in ("gone.jpg", "here.jpg"):
        (tmp_path / name).write_bytes(jpeg((9, 9, 120), seed=len(name)))
    choose = page.locator(".zone input[multiple]")
    choose.set_input_files([tmp_path / "gone.jpg", tmp_path / "here.jpg"])
    page.get_by_role("dialog").wait_for()
    (tmp_path / "gone.jpg").unlink()
    enter_key(page, KEY)
    page.locator(".pill.indexed").wait_for()
    failed = page.locator(".upload-row").filter(has_text="gone.jpg")
    failed.locator(".pill.failed").wait_for()
    assert "moved or changed" in failed.inner_text()
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_what_is_no_answer_of_the_api_is_waited_out(
    studio: Server, open_page: Open, expect_failures: Expect
) -> None:
    """A proxy in between shows its own page, and then lets the server speak again."""
    page = open_page(studio, "?view=upload")
    expect_failures()
    html = {"status": 200, "content_type": "text/html", "body": "<h1>Back soon</h1>"}
    page.route("**/v1/images", lambda route: route.fulfill(**html), times=1)
    page.route("**/v1/items?ids=*", lambda route: route.fulfill(**html), times=1)
    drop_files(page, ".zone", [("behind.jpg", "image/jpeg", jpeg((9, 130, 9), seed=31))])
    page.locator(".pill.indexed").wait_for()
    page.goto(studio.url)
    page.route("**/v1/search", lambda route: route.fulfill(**html))
    search(page, "green")
    assert "cannot be reached" in page.get_by_role("alert").inner_text()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serves four at a time and lets eight wait (browsers send six)."""
    folder = tmp_path_factory.mktemp("slow")
    settings = {"http_threads": 4, "query_queue": 8, "image_batch": 1}
    with Server(folder / "data", **settings) as server:
        with server.client() as client:
            files = [("red.jpg", jpeg((250, 5, 5))), ("blue.jpg", jpeg((5, 5, 250)))]
            client.wait([item.id for item in client.upload(files).items])
        yield server


@contextmanager
def crowd(server: Server) -> Iterator[None]:
    """As many others as the server can bear, and a few more: who is refused shows that no place is left, and
    none becomes free before all of them have gone."""

    def ask(i: int) -> None:
        with suppress(OSError):
            urllib.request.urlopen(f"{server.url}/v1/search?q={i}", timeout=60).read()

    with ThreadPoolExecutor(16) as pool, server.thinking():
        others = [pool.submit(ask, i) for i in range(16)]
        server.wait_for(lambda: any(one.done() for one in others))
        yield


@pytest.mark.slow
def test_an_overloaded_server_is_said_to_be_and_tried_again(
    slow: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(slow)
    expect_failures()
    with crowd(slow):
        search(page, "red")
        assert "are waiting; try again in a moment" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Try again").click()
    assert first_files(page)[0] == "red.jpg"
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_uploads_wait_while_the_server_is_overloaded(
    slow: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(slow, "?view=upload")
    expect_failures()
    with crowd(slow):
        drop_files(page, ".zone", [("late.jpg", "image/jpeg", jpeg((5, 250, 5)))])
        page.get_by_role("alert").wait_for()
        assert "503 · overloaded" in page.get_by_role("alert").inner_text()
        assert page.locator(".pill.waiting").count() == 1
    page.locator(".pill.indexed").wait_for()
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_slow_answers_are_waited_for_and_a_newer_question_overtakes_them(
    slow: Server, open_page: Open
) -> None:
    page = open_page(slow)
    box = page.get_by_role("searchbox")
    with slow.thinking():
        with page.expect_request("**/v1/search"):
            box.fill("red")
            box.press("Enter")
        assert page.locator(".results").get_attribute("aria-busy") == "true"
        with page.expect_event("requestfailed"), page.expect_request("**/v1/search"):
            box.fill("blue")
            box.press("Enter")
    settled(page)
    assert first_files(page)[0] == "blue.jpg"
    with slow.thinking():
        with page.expect_request("**/v1/search"):
            box.fill("red, red")
            box.press("Enter")
        with page.expect_event("requestfailed"):
            page.go_back()
        assert first_files(page)[0] == "blue.jpg"
    assert page.locator(".results").get_attribute("aria-busy") == "false"


def test_an_answer_that_takes_long_is_said_to(studio: Server, open_page: Open) -> None:
    page = open_page(studio)
    page.clock.install()
    box = page.get_by_role("searchbox")
    box.fill("red")
    with studio.thinking():
        with page.expect_request("**/v1/search"):
            box.press("Enter")
        page.clock.run_for(5_000)
        slowly = "The server is taking its time …"
        assert page.locator(".status").inner_text() == slowly
        assert page.locator("#live").inner_text() == slowly
    settled(page)
    page.get_by_text("Answered in").wait_for()
    assert page.get_by_text(slowly).count() == 0


@pytest.mark.slow
def test_what_is_typed_stays_when_the_item_is_indexed(studio: Server, open_page: Open) -> None:
    with studio.client() as client, studio.thinking():
        [mine] = client.upload([("mine.tif", encoded(picture((9, 90, 90)), "TIFF"))]).items
        page = open_page(studio, f"?view=item&id={mine.id}")
        page.get_by_text("This is still being indexed.").wait_for()
        page.get_by_text("This picture cannot be shown.").wait_for()
        page.get_by_label("Add a caption").press_sequentially("not yet sent")
    page.get_by_role("button", name="Compare").wait_for()
    assert page.get_by_text("This is still being indexed.").count() == 0
    assert page.get_by_label("Add a caption").input_value() == "not yet sent"
    assert page.evaluate("document.activeElement.ariaLabel") == "Add a caption"
    page.get_by_text("here is its thumbnail").wait_for()
    page.locator(".neighbours .hit").first.wait_for()


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


def test_a_file_dropped_where_nobody_takes_it_does_not_replace_the_page(
    studio: Server, open_page: Open
) -> None:
    page = open_page(studio, "?view=overview")
    assert not page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["x"], "x.txt"));
            return document.body.dispatchEvent(
                new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })
            );
        }"""
    )
