"""What surrounds every view: languages, themes, and texts that are complete in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import backend
from tests.browser.conftest import Expect, Open
from tests.browser.pages import search
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGE = Path(backend.__file__).parent / "page"


def texts() -> dict[str, list[str]]:
    """Every text by its key, in the order of the languages."""
    code = (PAGE / "lib" / "texts.js").read_text(encoding="utf-8")
    found = re.findall(r'^  "?([\w.]+)"?: (\[.*?\]),$', code, re.MULTILINE | re.DOTALL)
    return {key: json.loads(re.sub(r",\s*\]", "]", said)) for key, said in found}


def test_both_languages_say_the_same_things() -> None:
    assert len(texts()) > 130
    for key, (english, chinese) in texts().items():
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese)), key


def test_every_text_is_used() -> None:
    """Keys that are put together from two halves count by their first."""
    code = "".join(
        path.read_text(encoding="utf-8") for path in PAGE.rglob("*") if path.suffix in (".js", ".html")
    )
    used = set(re.findall(r'["`]([a-z][\w.]*)["`$]', code)) | set(re.findall(r"`([a-z][\w.]*)\.\$\{", code))
    used |= set(re.findall(r'data-(?:text|label)="([\w.]+)"', code))
    unused = [key for key in texts() if key not in used and key.rpartition(".")[0] not in used]
    assert unused == []


def test_the_page_speaks_the_language_of_its_reader_and_can_be_told_otherwise(
    gallery: Server, open_page: Open
) -> None:
    page = open_page(gallery, "?q=a+cat", locale="zh-CN")
    page.get_by_role("heading", name="图片", exact=True).wait_for()
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Pictures", exact=True).wait_for()
    page.reload()
    page.get_by_role("heading", name="Pictures", exact=True).wait_for()
    search(page, "红色的摩托车")
    page.locator(".results .hit").first.wait_for()


def test_a_chosen_theme_is_there_with_the_first_paint_of_the_next_visit(
    gallery: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(gallery, theme="light")
    expect_failures()
    light = background(page)
    page.get_by_role("button", name="Dark theme").click()
    dark = background(page)
    assert light != dark
    page.route("**/app.js", lambda route: route.abort())
    page.goto(gallery.url, wait_until="domcontentloaded")
    assert background(page) == dark


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour
