"""Uploading as a person does it: files and folders, what becomes of each, captions and tags in place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Expect, Open, photo
from tests.browser.pages import drop_files, first_files, paste_file, search
from tests.support.pictures import jpeg
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

BROKEN = jpeg((9, 9, 9), (300, 200))[:900]
"""Its header is that of a picture; that the rest is missing shows only when it is decoded."""


@pytest.fixture
def page(studio: Server, open_page: Open) -> Page:
    return open_page(studio, "?view=upload")


def choose(page: Page, *paths: Path) -> None:
    page.locator(".zone input[multiple]").set_input_files(paths)


def row(page: Page, name: str) -> Locator:
    return page.locator(".upload-row").filter(has=page.get_by_text(name, exact=True))


def ends(page: Page, name: str, state: str) -> Locator:
    found = row(page, name)
    found.locator(f".pill.{state}").wait_for()
    return found


def test_chosen_pictures_are_uploaded_and_seen_to_be_indexed(page: Page, studio: Server) -> None:
    choose(page, photo("chelsea.png"), photo("coffee.png"))
    for name in ("chelsea.png", "coffee.png"):
        ends(page, name, "indexed").locator("img").wait_for()
    assert "2 of 2 indexed" in page.locator(".summary").inner_text()
    row(page, "coffee.png").get_by_role("link", name="Open coffee.png").click()
    assert page.get_by_role("heading", level=1).inner_text() == "coffee.png"


def test_what_is_there_already_is_said_to_be(page: Page) -> None:
    choose(page, photo("rocket.jpg"))
    ends(page, "rocket.jpg", "indexed")
    page.reload()
    choose(page, photo("rocket.jpg"))
    assert "there already" in ends(page, "rocket.jpg", "indexed").inner_text()


def test_what_is_no_picture_fails_in_the_apis_words_and_can_be_retried(
    page: Page, tmp_path: Path, expect_failures: Expect
) -> None:
    expect_failures()
    (tmp_path / "notes.png").write_text("no picture at all")
    choose(page, tmp_path / "notes.png")
    failed = ends(page, "notes.png", "failed")
    assert "unsupported_image" in failed.inner_text()
    with page.expect_response("**/v1/images") as refused:
        failed.get_by_role("button", name="Try again").click()
    ends(page, "notes.png", "failed")
    assert refused.value.json()["detail"] in failed.inner_text()


def test_what_turns_out_to_be_broken_fails_with_its_reason(page: Page, tmp_path: Path) -> None:
    (tmp_path / "half.jpg").write_bytes(BROKEN)
    choose(page, tmp_path / "half.jpg")
    failed = ends(page, "half.jpg", "failed")
    assert "corrupt_image" in failed.inner_text()
    failed.get_by_role("button", name="Try again").click()
    ends(page, "half.jpg", "failed")


def test_captions_and_tags_are_given_in_place(page: Page, studio: Server) -> None:
    page.get_by_label("Tags for what you add now").fill("sky, night")
    choose(page, photo("moon.png"))
    moon = ends(page, "moon.png", "indexed")
    moon.get_by_label("Caption for moon.png").fill("Craters on the moon")
    moon.get_by_role("button", name="Add").click()
    moon.locator(".said li").wait_for()
    tags = moon.get_by_label("Tags of moon.png")
    assert tags.input_value() == "sky, night"
    tags.fill("sky，moon")
    with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        tags.press("Enter")
    with studio.client() as client:
        [item] = client.list_items(tag="moon")
        assert (item.filename, item.tags) == ("moon.png", ("sky", "moon"))
        assert [caption.text for caption in client.list_items(image_id=item.id)] == ["Craters on the moon"]
    for view in ("Overview", "Upload"):
        page.get_by_role("link", name=view, exact=False).first.click()
    assert row(page, "moon.png").locator(".said").inner_text() == "Craters on the moon"


@pytest.mark.slow
def test_what_fails_later_is_found_among_the_failed(page: Page, tmp_path: Path) -> None:
    choose(page, photo("coffee.png"))
    ends(page, "coffee.png", "indexed")
    page.get_by_role("button", name="Failed", exact=True).click()
    assert page.locator(".upload-row").count() == 0
    (tmp_path / "half again.jpg").write_bytes(BROKEN)
    choose(page, tmp_path / "half again.jpg")
    ends(page, "half again.jpg", "failed")
    assert page.locator(".upload-row").count() == 1


@pytest.mark.slow
def test_many_together_let_others_go_first(page: Page) -> None:
    said: list[str | None] = []
    page.on("request", lambda one: one.method == "POST" and said.append(one.headers.get("priority")))
    many = [(f"{i}.jpg", "image/jpeg", jpeg((200, 200, i), seed=700 + i)) for i in range(9)]
    drop_files(page, ".zone", many)
    page.get_by_text("9 of 9 indexed").wait_for()
    drop_files(page, ".zone", [("alone.jpg", "image/jpeg", jpeg((200, 200, 99), seed=799))])
    ends(page, "alone.jpg", "indexed")
    assert said == ["u=5"] * 9 + [None]


def test_dropped_and_pasted_files_are_uploaded(page: Page) -> None:
    drop_files(
        page,
        ".zone",
        [("dropped.jpg", "image/jpeg", jpeg((1, 200, 1), seed=1)), ("notes.txt", "text/plain", b"hi")],
    )
    ends(page, "dropped.jpg", "indexed")
    assert "Left out because they are no pictures: 1" in page.locator(".toast").inner_text()
    paste_file(page, "pasted.png", "image/png", jpeg((1, 1, 200), seed=2))
    ends(page, "pasted.png", "indexed")


@pytest.mark.slow
def test_a_folder_is_uploaded_with_what_is_in_its_folders(page: Page, tmp_path: Path) -> None:
    (tmp_path / "trip" / "second day").mkdir(parents=True)
    for name in ("one.jpg", "second day/two.jpg"):
        (tmp_path / "trip" / name).write_bytes(jpeg((80, 90, 100), seed=len(name)))
    (tmp_path / "trip" / "diary.txt").write_text("dear diary")
    page.locator(".zone input[webkitdirectory]").set_input_files(tmp_path / "trip")
    for name in ("one.jpg", "two.jpg"):
        ends(page, name, "indexed")
    assert row(page, "diary.txt").count() == 0


@pytest.mark.slow
def test_uploads_go_on_while_the_reader_looks_elsewhere(page: Page, tmp_path: Path) -> None:
    paths = [tmp_path / f"red {i}.jpg" for i in range(12)]
    for i, path in enumerate(paths):
        path.write_bytes(jpeg((230, 10, 10), seed=100 + i))
    choose(page, *paths)
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_role("link", name=re.compile("^Upload")).click()
    page.get_by_text("12 of 12 indexed").wait_for()
    page.get_by_role("link", name="Search", exact=True).click()
    search(page, "red")
    assert {path.name for path in paths} <= set(first_files(page, 40))


@pytest.mark.slow
def test_five_hundred_files_go_through_without_freezing_the_page(
    studio: Server, open_page: Open, tmp_path: Path
) -> None:
    """The longest stretch in which the page cannot react is measured by the browser itself."""
    page = open_page(studio, "?view=upload")
    paths = [tmp_path / f"{i:03}.jpg" for i in range(500)]
    for i, path in enumerate(paths):
        path.write_bytes(jpeg((i % 256, 90, i // 2), (320, 240), seed=1000 + i))
    page.evaluate(
        """() => {
            window.longest = 0;
            new PerformanceObserver((list) => {
                const durations = list.getEntries().map(({ duration }) => duration);
                window.longest = Math.max(window.longest, ...durations);
            }).observe({ type: "longtask", buffered: true });
        }"""
    )
    choose(page, *paths)
    page.get_by_text("500 of 500 indexed").wait_for(timeout=120_000)
    assert page.locator(".upload-row").count() < 200
    page.locator(".upload-row").last.scroll_into_view_if_needed()
    page.locator(".upload-row").nth(100).wait_for(state="attached")
    assert page.evaluate("window.longest") < 500
