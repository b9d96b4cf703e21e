"""Pictures of every view in both themes, for people to look at: `build/screens/`. The README shows some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Open, photo
from tests.browser.pages import pictures
from tests.browser.test_upload import BROKEN
from tests.support.server import REPOSITORY, Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENS = REPOSITORY / "build" / "screens"
PHONE = {"width": 360, "height": 740}

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("theme", ["light", "dark"])]


def save(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    SCREENS.mkdir(parents=True, exist_ok=True)
    path = SCREENS / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 10_000


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_start_and_search(gallery: Server, open_page: Open, theme: str, size: str) -> None:
    options = {"viewport": PHONE} if size == "phone" else {}
    page = open_page(gallery, theme=theme, **options)
    save(page, f"start-{theme}-{size}")
    page.goto(f"{gallery.url}/?q=a+red+motorcycle&not=surfaces&min=0.25")
    pictures(page).first.wait_for()
    save(page, f"search-{theme}-{size}")


def test_item(gallery: Server, open_page: Open, theme: str) -> None:
    page = open_page(gallery, "?q=a+cat&only=images", theme=theme)
    pictures(page).first.locator(".open").click()
    page.get_by_label("Labels to choose from").fill("a cat, a dog, a horse, a rocket")
    page.get_by_role("button", name="Compare").click()
    page.locator(".bars li").first.wait_for()
    save(page, f"item-{theme}")


def test_upload_and_overview(studio: Server, open_page: Open, theme: str, tmp_path: Path) -> None:
    (tmp_path / "half of it.jpg").write_bytes(BROKEN)
    page = open_page(studio, "?view=upload", theme=theme)
    names = ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")
    page.locator(".zone input[multiple]").set_input_files([*map(photo, names), tmp_path / "half of it.jpg"])
    page.get_by_text("1 failed").wait_for()
    page.get_by_text("4 of 5 indexed").wait_for()
    save(page, f"upload-{theme}")
    page.get_by_role("link", name="Overview").click()
    page.locator(".failures li").wait_for()
    save(page, f"overview-{theme}")


def test_trouble_and_keys(gallery: Server, open_page: Open, theme: str) -> None:
    page = open_page(gallery, "?q=a+cat", theme=theme, locale="zh-CN")
    save(page, f"chinese-{theme}")
    page.keyboard.press("?")
    save(page, f"keys-{theme}")
