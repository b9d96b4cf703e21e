"""Searching as a person does it: with words, with pictures, with both, and on from what was found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Expect, Open, photo
from tests.browser.pages import (
    act,
    captions,
    chips,
    drop_files,
    first_files,
    paste_file,
    pictures,
    search,
    settled,
)
from tests.support.pictures import jpeg
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def page(gallery: Server, open_page: Open) -> Page:
    return open_page(gallery)


def weight(page: Page, place: int) -> str:
    return chips(page).nth(place).locator(".weight").input_value()


def test_the_start_explains_itself_and_shows_what_is_there(page: Page) -> None:
    assert page.get_by_role("heading", level=1).inner_text() == "Pictures and words, in one space"
    assert pictures(page).count() == 16


def test_words_find_pictures_and_captions(page: Page) -> None:
    search(page, "a cat")
    assert first_files(page)[0] == "chelsea.png"
    assert "cat" in captions(page).first.inner_text()
    assert "q=a+cat" in page.url
    assert page.title() == "a cat · Twinspace"
    said = page.locator("#live").inner_text()
    assert re.fullmatch(r"16 pictures and 13 captions in \d+ milliseconds\.", said)


def test_every_hit_says_how_well_it_fits(page: Page) -> None:
    search(page, "a cat")
    label = pictures(page).first.locator(".open").get_attribute("aria-label")
    assert re.fullmatch(r"chelsea\.png, relevance \d+%, score 0\.\d{3}", label or "")


def test_a_chosen_picture_finds_its_like(page: Page) -> None:
    page.locator(".box input[type=file]").set_input_files(photo("motorcycle_left.png"))
    page.locator(".chip img").wait_for()
    settled(page)
    assert first_files(page, 2) == ["motorcycle_left.png", "motorcycle_right.png"]


@pytest.mark.slow
def test_a_pasted_picture_finds_its_like(page: Page) -> None:
    paste_file(page, "moon.png", "image/png", photo("moon.png").read_bytes())
    page.locator(".chip img").wait_for()
    settled(page)
    assert first_files(page)[0] == "moon.png"


def test_a_dropped_picture_and_words_search_together_and_outlast_a_reload(page: Page) -> None:
    drop_files(page, "body", [("coffee.png", "image/png", photo("coffee.png").read_bytes())])
    page.locator(".chip img").wait_for()
    search(page, "a table")
    assert [one.inner_text().split("\n")[0] for one in chips(page).all()] == ["coffee.png", "a table"]
    assert first_files(page)[0] == "coffee.png"
    before = page.locator(".hit .score").all_inner_texts()
    page.reload()
    page.locator(".hit").first.wait_for()
    assert page.locator(".hit .score").all_inner_texts() == before
    assert "this browser only" in page.locator(".chips-note").inner_text()


@pytest.mark.slow
def test_in_another_browser_a_dropped_picture_is_missed_and_said_so(
    page: Page, gallery: Server, open_page: Open
) -> None:
    drop_files(page, "body", [("moon.png", "image/png", photo("moon.png").read_bytes())])
    page.locator(".chip img").wait_for()
    elsewhere = open_page(gallery, page.url.rpartition("/")[2])
    assert "picture in another browser" in chips(elsewhere).first.inner_text()
    assert "Drop it here again" in elsewhere.locator(".results .end").inner_text()


def test_more_and_less_like_a_hit_become_parts_with_weights(page: Page) -> None:
    search(page, "space")
    hit = pictures(page).filter(has_text="astronaut.png")
    act(page, hit, "More like this")
    assert chips(page).count() == 2
    assert pictures(page).filter(has_text="astronaut.png").count() == 0
    hit = pictures(page).filter(has_text="rocket.jpg")
    act(page, hit, "Less like this")
    assert [weight(page, i) for i in range(3)] == ["1", "1", "-1"]
    assert "w=-1" in page.url


def test_a_weight_changes_the_answer_and_a_part_can_be_removed(page: Page) -> None:
    search(page, "a cat")
    page.get_by_role("button", name="Add words").click()
    search(page, "a cup of coffee")
    assert chips(page).count() == 2
    chips(page).nth(1).get_by_label("Weight of a cup of coffee").fill("-2")
    page.wait_for_url("**w=-2**")
    settled(page)
    assert "coffee.png" not in first_files(page, 12)
    page.get_by_role("button", name="Remove a cat").click()
    page.wait_for_url("**?q=a+cup**")
    assert chips(page).count() == 1
    page.get_by_role("button", name="Clear all").click()
    assert chips(page).count() == 0
    assert page.url.endswith("/?")


def test_captions_for_a_picture_and_pictures_for_a_caption(page: Page) -> None:
    search(page, "a rocket")
    hit = pictures(page).filter(has_text="rocket.jpg")
    act(page, hit, "Find captions")
    assert "rocket" in captions(page).first.inner_text()
    assert not pictures(page).first.is_visible()
    caption = captions(page).first
    act(page, caption, "Find pictures")
    assert first_files(page)[0] == "rocket.jpg"
    assert captions(page).count() == 0


def test_back_forward_and_sharing_keep_the_whole_query(page: Page, gallery: Server, open_page: Open) -> None:
    search(page, "a cat")
    search(page, "a motorcycle")
    page.get_by_role("button", name="Pictures", exact=True).click()
    settled(page)
    address = page.url
    page.go_back()
    page.go_back()
    assert page.get_by_role("searchbox").input_value() == "a cat"
    assert first_files(page)[0] == "chelsea.png"
    page.go_forward()
    page.go_forward()
    assert page.url == address
    assert set(first_files(page, 2)) == {"motorcycle_left.png", "motorcycle_right.png"}
    shared = open_page(gallery, address.rpartition("/")[2])
    assert first_files(shared, 2) == first_files(page, 2)
    assert shared.get_by_role("button", name="Pictures", exact=True).get_attribute("aria-pressed") == "true"


def test_tags_with_their_counts_narrow_a_search_down(page: Page) -> None:
    search(page, "a cat")
    page.get_by_role("button", name="Pictures", exact=True).click()
    settled(page)
    page.get_by_text("Tags", exact=True).click()
    rows = page.locator(".tags li")
    rows.first.wait_for()
    counted = dict(text.split("\n")[:2] for text in rows.all_inner_texts())
    assert counted == {"demo": "16", "space": "4", "surfaces": "3", "animals": "2"}
    rows.filter(has_text="demo").get_by_role("checkbox").check()
    page.get_by_role("button", name="not animals").click()
    settled(page)
    assert "tag=demo&not=animals" in page.url
    assert pictures(page).count() == 14
    page.get_by_role("button", name="not animals").click()
    rows.filter(has_text="animals").get_by_role("checkbox").check()
    settled(page)
    assert set(first_files(page)) == {"chelsea.png", "horse.png"}
    page.get_by_role("button", name="Remove tag: animals").click()
    settled(page)
    assert pictures(page).count() == 16


def test_without_a_calibration_there_is_no_slider_but_a_reason(studio: Server, open_page: Open) -> None:
    with studio.client() as client:
        client.wait([item.id for item in client.upload([("red.jpg", jpeg())]).items])
    page = open_page(studio, "?q=red&min=0.5")
    assert page.get_by_role("slider").is_disabled()
    assert page.get_by_text("Not calibrated for this encoder.").is_visible()
    assert page.locator(".hit.below").count() == 0


def test_literal_words_count_too_when_that_is_wanted(page: Page) -> None:
    search(page, "retina")
    switch = page.get_by_role("switch", name="Literal words too")
    assert not switch.is_checked()
    with page.expect_request("**/v1/search") as asked:
        switch.click()
    settled(page)
    assert asked.value.post_data_json["mode"] == "hybrid"
    assert switch.is_checked()
    assert "mode=hybrid" in page.url
    assert "retina" in captions(page).first.inner_text()


def test_order_and_variety_are_asked_for(page: Page) -> None:
    search(page, "a cat")
    page.get_by_text("Options", exact=True).click()
    with page.expect_request("**/v1/search") as asked:
        page.get_by_label("More variety").check()
    assert asked.value.post_data_json["diversify"] == 0.5
    with page.expect_request("**/v1/search") as asked:
        page.get_by_label("Pictures with captions only").check()
    settled(page)
    assert pictures(page).count() == 13
    with page.expect_request("**/v1/search") as asked:
        page.get_by_role("combobox", name="Order").select_option("Newest first")
    settled(page)
    assert "diversify" not in asked.value.post_data_json
    assert first_files(page)[0] == "brick.png"


def test_what_is_chosen_in_a_closed_menu_shows(page: Page, gallery: Server) -> None:
    def colour(menu: str) -> str:
        found: str = (
            page.locator("summary").filter(has_text=menu).evaluate("one => getComputedStyle(one).color")
        )
        return found

    search(page, "a cat")
    idle = colour("Options")
    assert colour("Tags") == idle
    for chosen in ("order=created_at", "captioned=1", "varied=1"):
        page.goto(f"{gallery.url}/?q=a+cat&tag=demo&{chosen}")
        settled(page)
        assert colour("Options") == colour("Tags") != idle


def test_a_tag_shows_its_captions_on_a_narrow_screen_too(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?tag=demo", viewport={"width": 360, "height": 740})
    pictures(page).first.wait_for()
    assert page.locator(".filters").inner_text().split() == ["Pictures", "Captions"]
    page.get_by_role("button", name="Captions", exact=True).click()
    captions(page).first.wait_for()
    assert page.url.endswith("?tag=demo&only=captions")
    assert not pictures(page).first.is_visible()
    page.reload()
    captions(page).first.wait_for()
    page.get_by_role("button", name="Remove tag: demo").click()
    pictures(page).first.wait_for()
    assert not page.locator(".filters").is_visible()


def test_what_can_be_done_with_a_caption_does_not_hide_its_words(page: Page) -> None:
    search(page, "a cat")
    for caption in captions(page).all()[:5]:
        caption.hover()
        words, actions = caption.locator(".words").bounding_box(), caption.locator(".actions").bounding_box()
        assert actions["y"] >= words["y"] + words["height"] - 2


@pytest.mark.slow
def test_dates_narrow_a_search_down(page: Page) -> None:
    search(page, "a cat")
    page.get_by_text("Added", exact=True).click()
    page.get_by_label("Until").fill("2020-01-01")
    page.wait_for_url("**before=2020-01-01**")
    settled(page)
    assert pictures(page).count() == 0
    assert "Nothing found." in page.locator(".results .end").inner_text()
    page.get_by_role("button", name="Remove until 2020-01-01").click()
    settled(page)
    assert pictures(page).count() == 16


@pytest.mark.slow
def test_without_words_only_what_still_holds_stands_there(page: Page, gallery: Server) -> None:
    page.goto(f"{gallery.url}/?q=a+cat&tag=space&tag=demo&not=animals&before=2000-01-01")
    page.get_by_role("button", name="Remove a cat").click()
    settled(page)
    assert [chip.inner_text() for chip in chips(page).all()] == ["tag: space"]
    assert page.url.endswith("/?tag=space")
    assert pictures(page).count() == 4
    assert captions(page).count() == 4


@pytest.mark.slow
def test_pressing_search_again_asks_again_and_is_one_entry_of_the_history(page: Page) -> None:
    search(page, "a cat")
    length = page.evaluate("history.length")
    with page.expect_response("**/v1/search"):
        page.get_by_role("button", name="Search", exact=True).click()
    settled(page)
    assert page.evaluate("history.length") == length
    assert first_files(page)[0] == "chelsea.png"


def test_a_tag_that_only_captions_carry_shows_captions(studio: Server, open_page: Open) -> None:
    with studio.client() as client:
        added = client.add_captions([{"text": "A rolling stone gathers no moss.", "tags": ["proverbs"]}])
        client.wait([item.id for item in added.items])
    page = open_page(studio, "?tag=proverbs")
    assert captions(page).locator(".words").all_inner_texts() == ["A rolling stone gathers no moss."]
    page.goto(f"{studio.url}/?tag=nobody-has-this")
    page.get_by_text("Nothing found.").wait_for()


@pytest.mark.slow
def test_an_empty_start_leads_to_uploading_and_fills_by_itself(tmp_path: Path, open_page: Open) -> None:
    with Server(tmp_path / "data") as server:
        page = open_page(server)
        page.get_by_text("There are no pictures yet.").wait_for()
        assert page.get_by_role("link", name="Upload pictures").get_attribute("href") == "?view=upload"
        search(page, "red")
        page.get_by_text("There are no pictures yet.").wait_for()
        with server.client() as client:
            client.upload([("red.jpg", jpeg((250, 5, 5)))])
        assert first_files(page) == ["red.jpg"]


def test_what_is_no_picture_is_answered_too(page: Page, expect_failures: Expect) -> None:
    expect_failures()
    notes = ("notes.txt", "text/plain", b"no picture")
    drop_files(page, "body", [notes])
    page.get_by_text("unsupported_image").wait_for()
    drop_files(page, "body", [notes, ("moon.png", "image/png", photo("moon.png").read_bytes())])
    assert "Left out because they are no pictures: 1" in page.locator(".toast").inner_text()


def test_an_address_full_of_nonsense_is_read_as_far_as_it_makes_sense(
    gallery: Server, open_page: Open
) -> None:
    page = open_page(gallery, "?q=a+cat&w=many&min=9&after=yesterday&mode=magic&only=sounds&view=nowhere&w=")
    assert weight(page, 0) == "1"
    assert first_files(page)[0] == "chelsea.png"


def test_the_api_says_in_its_own_words_what_is_wrong(
    gallery: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(gallery, "?q=a+cat&w=1&q=a+cat+&w=0&like=nothing")
    expect_failures()
    problem = page.get_by_role("alert")
    assert "query.2.item" in problem.inner_text()
    assert "UUID" in problem.inner_text()


@pytest.mark.slow
def test_a_dropped_picture_can_be_stored_to_share_the_search(studio: Server, open_page: Open) -> None:
    with studio.client() as client:
        client.wait([item.id for item in client.upload([("red.jpg", jpeg())]).items])
    page = open_page(studio)
    new = [(f"new {i}.jpg", "image/jpeg", jpeg((200, 30, 20), seed=77 + i)) for i in range(2)]
    drop_files(page, "body", new)
    chips(page).nth(1).locator("img").wait_for()
    page.get_by_role("button", name="Add it to the collection").click()
    page.wait_for_url("**?like=*like=*")
    settled(page)
    assert [chip.inner_text().split("\n")[0] for chip in chips(page).all()] == ["new 0.jpg", "new 1.jpg"]
    assert pictures(page).count() >= 1
    shared = open_page(studio, page.url.rpartition("/")[2])
    assert first_files(shared) == first_files(page)
