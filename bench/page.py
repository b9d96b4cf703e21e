"""How soon after the answer the page has drawn what was found, in a real browser with real photos."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.bounds import Bounds
from bench.data import shared
from tests.support.server import Server

DRAWN_MS = 100
ROUNDS = 15
DRAWN = """(() => {
    new MutationObserver((_, observer) => {
        if (!document.querySelector(".results .score")) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.drawn = performance.now(); }));
    }).observe(document, { childList: true, subtree: true });
})()"""
ANSWERED = "performance.getEntriesByType('resource').find((one) => one.name.endsWith('/v1/search'))"


def main() -> None:
    bounds = Bounds()
    files = sorted(shared("photos").glob("*.jpg"))
    with (
        tempfile.TemporaryDirectory(prefix="twinspace-bench-") as folder,
        Server(Path(folder, "data")) as server,
    ):
        with server.client(patience=120) as client:
            added = client.upload([(path.name, path.read_bytes()) for path in files]).items
            client.wait([item.id for item in added], seconds=120)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page()
            page.add_init_script(DRAWN)
            drawn = statistics.median(draw(page, server.url) for _ in range(ROUNDS))
            browser.close()
    bounds.at_most("milliseconds from the answer to first results drawn, median", drawn, DRAWN_MS)
    bounds.exit()


def draw(page: Page, url: str) -> float:
    page.goto(f"{url}/?q=red")
    page.wait_for_function("() => window.drawn")
    taken: float = page.evaluate(f"window.drawn - {ANSWERED}.responseEnd")
    return taken


if __name__ == "__main__":
    main()
