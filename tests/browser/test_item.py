"""One item: to be looked at, described, corrected, compared and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from backend.client import Client
from tests.browser.conftest import Open, photo
from tests.browser.pages import search
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def api(studio: Server) -> Iterator[Client]:
    with studio.client() as client:
        yield client


@pytest.fixture(scope="module")
def cat(api: Client) -> str:
    """A picture with two captions, and another beside it."""
    captions = ["A tabby cat looks past the camera.", "red fur"]
    file = ("chelsea.png", photo("chelsea.png").read_bytes())
    added = api.upload(
        [file], captions=captions, tags=["pets"], metadata={"camera": "X100", "iso": 400}
    ).items
    added += api.upload([photo("coffee.png")], captions=["A cup of coffee"]).items
    api.wait([item.id for item in added])
    return added[0].id


@pytest.fixture
def page(studio: Server, cat: str, open_page: Open) -> Page:
    page = open_page(studio, f"?view=item&id={cat}")
    page.get_by_role("heading", level=1).wait_for()
    return page


def test_the_whole_picture_is_shown_with_all_that_is_known(page: Page, cat: str) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == "chelsea.png"
    picture = page.get_by_role("img", name="chelsea.png")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 451
    assert "tabby cat" in page.locator(".own-captions").inner_text()
    assert page.locator(".facts").inner_text().count("451 × 300") == 1
    assert page.locator(".neighbours .picture").count() >= 1
    assert page.locator(".neighbours .caption").count() >= 1


def test_captions_are_added_and_deleted(page: Page, api: Client, cat: str) -> None:
    page.get_by_label("Add a caption").fill("A cat, seen from close by")
    page.get_by_label("Add a caption").press("Enter")
    mine = page.locator(".own-captions li").filter(has_text="close by")
    mine.wait_for()
    mine.get_by_role("button").click()
    mine.wait_for(state="hidden")
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as deleted:
        page.locator(".toast").get_by_role("button", name="Close").click()
    assert deleted.value.status == 204


def test_tags_are_added_and_removed_and_lead_to_their_like(page: Page, api: Client, cat: str) -> None:
    page.get_by_label("Add tags").fill("tabby, indoors")
    page.get_by_label("Add tags").press("Enter")
    page.get_by_role("button", name="Remove indoors").wait_for()
    page.get_by_role("button", name="Remove indoors").click()
    page.get_by_role("button", name="Remove indoors").wait_for(state="detached")
    assert api.items([cat])[0].tags == ("pets", "tabby")
    page.get_by_role("link", name="tabby", exact=True).click()
    page.locator(".results .hit").wait_for()
    assert page.locator(".results .file").all_inner_texts() == ["chelsea.png"]


def test_metadata_is_edited_and_keeps_its_types(page: Page, api: Client, cat: str) -> None:
    page.get_by_label("Value of camera").fill('"100"')
    page.get_by_role("button", name="Row").click()
    page.locator(".meta-name").last.fill("place")
    page.locator(".meta-value").last.fill('{"city": "Ghent", "floor": 2}')
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Metadata saved.").wait_for()
    wanted = {"camera": "100", "iso": 400, "place": {"city": "Ghent", "floor": 2}}
    assert api.items([cat])[0].metadata == wanted
    page.reload()
    assert page.get_by_label("Value of camera").input_value() == '"100"'
    page.get_by_role("button", name="Remove iso").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Metadata saved.").wait_for()
    del wanted["iso"]
    assert api.items([cat])[0].metadata == wanted


def test_a_caption_has_a_page_that_leads_to_its_picture(page: Page) -> None:
    page.get_by_role("link", name="red fur", exact=True).click()
    page.locator("blockquote").wait_for()
    assert page.locator("blockquote").inner_text() == "red fur"
    page.get_by_role("link", name="The picture of this caption").first.click()
    page.get_by_role("img", name="chelsea.png").wait_for()


def test_deleting_can_be_undone_for_a_few_seconds(studio: Server, api: Client, open_page: Open) -> None:
    item = api.upload([photo("coins.png")], captions=["Rows of old coins"]).items[0]
    api.wait([item.id])
    page = open_page(studio)
    search(page, "coins")
    hit = page.locator(f'.hit[data-id="{item.id}"]')
    hit.locator(".open").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    hit.wait_for(state="hidden")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    hit.wait_for()
    assert api.items([item.id])[0].status == "indexed"


@pytest.mark.slow
def test_a_caption_that_is_deleted_and_written_again_stays(
    studio: Server, api: Client, cat: str, open_page: Open
) -> None:
    page = open_page(studio, f"?view=item&id={cat}")
    for turn in range(2):
        page.get_by_label("Add a caption").fill("Whiskers, twice")
        page.get_by_label("Add a caption").press("Enter")
        mine = page.locator(".own-captions li:not([hidden])").filter(has_text="Whiskers")
        mine.wait_for()
        if turn == 0:
            mine.get_by_role("button").click()
            mine.wait_for(state="detached")
    page.locator(".toast").wait_for(state="detached")
    with page.expect_response(lambda answer: answer.request.method == "GET"):
        page.reload()  # Whoever leaves sends the deletions that wait: there is none.
    mine.wait_for()


@pytest.mark.slow
def test_what_was_deleted_and_is_uploaded_again_is_seen_again(
    studio: Server, api: Client, open_page: Open
) -> None:
    item = api.upload([photo("clock_motion.png")]).items[0]
    api.wait([item.id])
    page = open_page(studio, f"?view=item&id={item.id}")
    page.get_by_role("button", name="Delete", exact=True).click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator(".toast").get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Upload").click()
    page.locator(".zone input[multiple]").set_input_files(photo("clock_motion.png"))
    page.locator(".pill.indexed").wait_for()
    page.get_by_role("link", name="Search", exact=True).click()
    page.locator(f'.hit[data-id="{item.id}"]').wait_for()


@pytest.mark.slow
def test_of_a_long_caption_the_note_says_the_beginning(
    studio: Server, api: Client, cat: str, open_page: Open
) -> None:
    api.add_captions([{"text": "and so on " * 900, "image_id": cat}])
    page = open_page(studio, f"?view=item&id={cat}")
    long = page.locator(".own-captions li").filter(has_text="and so on")
    long.get_by_role("button").click()
    assert len(page.locator(".toast p").inner_text()) < 100
    page.locator(".toast").get_by_role("button", name="Close").click()


def test_numbers_that_would_be_rounded_are_not_saved(
    studio: Server, api: Client, cat: str, open_page: Open
) -> None:
    api.patch(cat, metadata={"serial": 9007199254740993, "place": "here"})
    page = open_page(studio, f"?view=item&id={cat}")
    page.get_by_label("Value of place").fill("there")
    page.get_by_role("button", name="Save").click()
    assert "would be rounded" in page.get_by_role("alert").inner_text()
    assert api.items([cat])[0].metadata == {"serial": 9007199254740993, "place": "here"}


@pytest.mark.slow
def test_from_neighbour_to_neighbour_the_way_is_told_and_found_back(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?view=overview", viewport={"width": 1280, "height": 500})
    page.locator(".recent a").last.scroll_into_view_if_needed()
    page.wait_for_function("() => scrollY > 100")
    before = page.evaluate("scrollY")
    page.locator(".recent a").last.click()
    page.locator(".neighbours .hit .open").first.click()
    page.wait_for_function("name => document.querySelector('#live').textContent !== name", arg="Item")
    page.locator(".neighbours .hit").first.wait_for()
    assert page.locator("#live").inner_text() == page.get_by_role("heading", level=1).inner_text()
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.evaluate("scrollY") == 0
    page.go_back()
    page.go_back()
    page.locator(".recent a").last.wait_for()
    page.wait_for_function("wanted => Math.abs(scrollY - wanted) < 3", arg=before)


def test_deleting_holds_when_the_reader_leaves_at_once(studio: Server, api: Client, open_page: Open) -> None:
    item = api.upload([photo("brick.png")]).items[0]
    api.wait([item.id])
    page = open_page(studio, f"?view=item&id={item.id}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.locator(".toast").wait_for()
    page.goto("about:blank")
    studio.wait_for(lambda: api.items([item.id]) == [])
