"""What tests do and see again and again on the page, in a reader's words."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def pictures(page: Page) -> Locator:
    return page.locator(".results .hit.picture:not([hidden])")


def captions(page: Page) -> Locator:
    return page.locator(".results .hit.caption:not([hidden])")


def first_files(page: Page, count: int = 3) -> list[str]:
    pictures(page).first.wait_for()
    return [name.strip() for name in page.locator(".results .hit.picture .file").all_inner_texts()[:count]]


def settled(page: Page) -> None:
    """Returns when the answer to the last question is drawn."""
    page.locator('.results[aria-busy="false"]').wait_for()


def search(page: Page, words: str) -> None:
    box = page.get_by_role("searchbox", name="Search with words or a picture")
    box.fill(words)
    box.press("Enter")
    settled(page)


def act(page: Page, hit: Locator, name: str) -> None:
    """Chooses one of a hit's actions."""
    hit.hover()
    hit.get_by_role("button", name=name).click()
    settled(page)


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="What is searched for").locator(".chip")


def drop_files(page: Page, selector: str, names_and_bytes: list[tuple[str, str, bytes]]) -> None:
    """Drops files of (name, type, bytes) as a person drops them from their desktop."""
    transfer = page.evaluate_handle("() => new DataTransfer()")
    for name, kind, data in names_and_bytes:
        page.evaluate(
            """([transfer, name, kind, data]) => {
                const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: kind }));
            }""",
            [transfer, name, kind, _base64(data)],
        )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, event, {"dataTransfer": transfer})


def paste_file(page: Page, name: str, kind: str, data: bytes) -> None:
    page.evaluate(
        """([name, kind, data]) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: kind }));
            const options = { clipboardData: transfer, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        [name, kind, _base64(data)],
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
