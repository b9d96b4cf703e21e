"""Everyone can use it: axe finds nothing serious in any view, theme or width, and a keyboard is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Expect, Open
from tests.browser.pages import captions, drop_files, pictures, search, settled
from tests.browser.test_upload import BROKEN
from tests.support.pictures import jpeg
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWS = {
    "start": "",
    "search": "?q=a+cat&w=2&tag=demo&q=grass&w=-0.5&min=0.25",
    "captions": "?q=a+cat&only=captions",
    "nothing": "?q=a+cat&before=2001-01-01",
    "upload": "?view=upload",
    "overview": "?view=overview",
    "item": "?view=item",
}
PHONE = {"width": 360, "height": 740}


def address(gallery: Server, view: str, kind: str = "image") -> str:
    if view != "item":
        return VIEWS[view]
    with gallery.client() as client:
        return f"?view=item&id={next(client.list_items(kind=kind)).id}"


def serious(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


QUICK = ("search", "upload", "item")


@pytest.mark.parametrize(
    "view", [view if view in QUICK else pytest.param(view, marks=pytest.mark.slow) for view in VIEWS]
)
def test_axe_finds_nothing_serious(gallery: Server, open_page: Open, axe: str, view: str) -> None:
    page = open_page(gallery, address(gallery, view))
    page.wait_for_load_state("networkidle")
    assert serious(page, axe) == []


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    ("theme", "viewport", "locale"),
    [("dark", None, "zh-CN"), ("light", PHONE, "zh-CN"), ("dark", PHONE, "en")],
)
def test_nor_in_the_dark_on_a_phone_or_in_chinese(
    gallery: Server,
    open_page: Open,
    axe: str,
    view: str,
    theme: str,
    viewport: dict[str, int] | None,
    locale: str,
) -> None:
    options = {"viewport": viewport} if viewport else {}
    page = open_page(gallery, address(gallery, view), theme=theme, locale=locale, **options)
    page.wait_for_load_state("networkidle")
    assert serious(page, axe) == []


def test_nor_in_menus_and_dialogs(gallery: Server, open_page: Open, axe: str) -> None:
    page = open_page(gallery, "?q=a+cat")
    page.get_by_text("Tags", exact=True).click()
    page.wait_for_load_state("networkidle")
    assert serious(page, axe) == []
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert serious(page, axe) == []


@pytest.mark.slow
def test_nor_where_things_went_wrong(
    studio: Server, guarded: Server, open_page: Open, axe: str, expect_failures: Expect
) -> None:
    page = open_page(studio, "?view=upload")
    expect_failures()
    files = [("fine.jpg", "image/jpeg", jpeg((90, 9, 9), seed=5)), ("half.jpg", "image/jpeg", BROKEN)]
    drop_files(page, ".zone", [*files, ("notes.txt", "text/plain", b"hi")])
    page.locator(".pill.indexed").wait_for()
    page.locator(".pill.failed").wait_for()
    page.locator(".toast").wait_for()
    assert serious(page, axe) == []
    page.goto(f"{studio.url}/?view=overview")
    page.locator(".failures li").first.wait_for()
    assert serious(page, axe) == []
    page.goto(f"{studio.url}/?q=a+cat&like=nothing")
    page.get_by_role("alert").wait_for()
    assert serious(page, axe) == []
    page = open_page(guarded, wait=False)
    expect_failures()
    page.get_by_role("dialog").wait_for()
    assert serious(page, axe) == []


@pytest.mark.slow
def test_nothing_sticks_out_at_360_pixels(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, viewport=PHONE)
    for view in VIEWS:
        page.goto(f"{gallery.url}/{address(gallery, view)}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], view
    page.goto(f"{gallery.url}/?q=a+cat")
    pictures(page).first.wait_for()
    assert page.locator(".grid").bounding_box()["y"] < PHONE["height"] / 2
    for summary in page.locator(".filters summary").all():
        summary.click()
        panel = page.locator("details[open] .panel").bounding_box()
        assert panel["x"] >= 0
        assert panel["x"] + panel["width"] <= PHONE["width"]
        page.keyboard.press("Escape")


def test_a_keyboard_is_enough(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?view=overview")
    page.keyboard.press("/")
    page.keyboard.type("a motorcycle")
    page.keyboard.press("Enter")
    pictures(page).first.wait_for()
    settled(page)
    page.keyboard.press("ArrowDown")
    assert focused(page).startswith("motorcycle_")
    page.keyboard.press("ArrowRight")
    second = focused(page)
    assert second.startswith("motorcycle_")
    page.keyboard.press("ArrowDown")
    assert focused(page) != second
    page.keyboard.press("ArrowUp")
    assert focused(page).startswith("motorcycle_")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete", exact=True).wait_for()
    page.keyboard.press("Escape")
    pictures(page).first.wait_for()
    assert focused(page).startswith("motorcycle_")
    page.keyboard.press("c")
    captions(page).first.wait_for()
    assert "only=captions" in page.url
    settled(page)
    assert "motorcycle" in focused(page)
    page.keyboard.press("ArrowDown")
    assert focused(page)
    page.keyboard.press("p")
    settled(page)
    assert "only=images" in page.url
    assert focused(page)
    page.keyboard.press("Escape")
    page.wait_for_url("**only=captions**")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search-box"


def test_arrows_lead_from_pictures_to_captions_and_back(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?q=a+motorcycle")
    pictures(page).first.wait_for()
    page.keyboard.press("/")
    page.keyboard.press("ArrowDown")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    inside = "document.activeElement.closest('.hit').classList.contains('caption')"
    assert page.evaluate(inside)
    page.keyboard.press("ArrowDown")
    assert page.evaluate(inside)
    page.keyboard.press("ArrowLeft")
    assert not page.evaluate(inside)
    assert focused(page)


def test_the_focus_stays_where_something_is_changed(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?q=a+cat&q=a+dog&tag=demo")
    page.get_by_text("Tags", exact=True).click()
    box = page.locator(".tags li").filter(has_text="animals").get_by_role("checkbox")
    box.focus()
    page.keyboard.press("Space")
    page.wait_for_url("**tag=animals**")
    settled(page)
    assert box.is_checked()
    assert box.evaluate("box => box === document.activeElement")
    page.keyboard.press("Escape")
    assert page.locator("details[open]").count() == 0
    weight = page.get_by_label("Weight of a dog")
    weight.fill("2")
    page.wait_for_url("**w=2**")
    weight.press("End")
    weight.press("5")
    page.wait_for_url("**w=25**")
    settled(page)
    assert weight.evaluate("input => input === document.activeElement")
    page.get_by_role("button", name="Remove tag: demo").press("Enter")
    page.wait_for_url(lambda url: "demo" not in url)
    assert focused(page) == "Remove tag: animals"


def focused(page: Page) -> str:
    label: str = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    return label


def test_what_happens_is_said_to_those_who_do_not_see_it(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "a cat")
    live = page.locator("#live")
    assert live.get_attribute("role") == "status"
    assert "pictures and" in live.inner_text()
    page.get_by_role("link", name="Upload").click()
    assert live.inner_text() == "Upload"
    assert page.evaluate("document.activeElement.id") == "main"
