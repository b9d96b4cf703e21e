"""The page is small, draws at once what the API answered, and nothing moves when pictures arrive."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

import backend
from tests.browser.conftest import Expect, Open, photo
from tests.browser.pages import pictures, search
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Route

PAGE = Path(backend.__file__).parent / "page"
PHOTOS = ("coffee.png", "chelsea.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png")

SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
            window.shifts.push({ value, of: sources.map(({ node }) => node?.className) });
        }
    }).observe({ type: "layout-shift", buffered: true });
}"""

PICTURES = """() => [...document.querySelectorAll(".results .picture:not(.held) .open")].map((one) => {
    const { top, height } = one.getBoundingClientRect();
    return [top, height];
})"""
BEYOND = """(all) => all.filter((one) => {
    const [mine, hit] = [one, one.closest(".hit")].map((each) => each.getBoundingClientRect());
    return mine.left < hit.left - 1 || mine.right > hit.right + 1 || one.scrollWidth > one.clientWidth;
}).map((one) => one.ariaLabel)"""


@pytest.fixture(scope="module")
def wall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """130 pictures of many shapes: what different windows show of photos."""
    with Server(tmp_path_factory.mktemp("wall") / "data") as server:
        with server.client(patience=60) as client:
            files = [(f"{i:03}.jpg", window(i)) for i in range(130)]
            added = client.upload(files).items
            client.wait([item.id for item in added], seconds=60)
        yield server


def window(i: int) -> bytes:
    whole = Image.open(photo(PHOTOS[i % len(PHOTOS)])).convert("RGB")
    width, height = 120 + (i * 37) % 200, 120 + (i * 53) % 160
    left, top = (i * 17) % (whole.width - width), (i * 29) % max(1, whole.height - height)
    buffer = io.BytesIO()
    whole.crop((left, top, left + width, top + height)).save(buffer, "JPEG")
    return buffer.getvalue()


def test_the_page_is_small() -> None:
    sizes = {path: path.stat().st_size for path in PAGE.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 150_000


def test_nothing_comes_from_anywhere_else(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    search(page, "a cat")
    pictures(page).first.locator(".open").click()
    page.locator(".neighbours .hit").first.wait_for()
    assert asked
    assert [url for url in asked if not url.startswith((gallery.url, "blob:"))] == []


@pytest.mark.slow
def test_scrolling_goes_on_to_the_end_without_repeating(wall: Server, open_page: Open) -> None:
    page = open_page(wall, "?q=red")
    page.locator(".hit").first.wait_for()
    while not page.locator(".results .end").inner_text():
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(50)
    ids = page.locator(".results .picture").evaluate_all("all => all.map((one) => one.dataset.id)")
    assert len(ids) == len(set(ids)) == 130
    assert page.locator(".results .end").inner_text() == "That is all."


@pytest.mark.slow
def test_a_page_that_fails_to_come_is_asked_for_again(
    wall: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(wall, "?q=red")
    expect_failures()
    page.route("**/v1/search", lambda route: route.abort())
    before = pictures(page).count()
    page.mouse.wheel(0, 20_000)
    page.get_by_role("alert").scroll_into_view_if_needed()
    assert "cannot be reached" in page.get_by_role("alert").inner_text()
    assert pictures(page).count() == before
    page.unroute("**/v1/search")
    page.get_by_role("button", name="Try again").click()
    pictures(page).nth(before).wait_for(state="attached")
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_a_page_that_is_slow_to_come_is_said_to_be_until_it_is_there(wall: Server, open_page: Open) -> None:
    page = open_page(wall, "?q=red")
    before = pictures(page).count()
    page.clock.install()
    held: list[Route] = []
    page.route("**/v1/search", lambda route: held.append(route))
    with page.expect_request("**/v1/search"):
        page.mouse.wheel(0, 20_000)
    page.clock.run_for(5_000)
    assert "taking its time" in page.locator(".status").inner_text()
    assert "taking its time" in page.locator("#live").inner_text()
    held[0].continue_()
    pictures(page).nth(before).wait_for(state="attached")
    page.get_by_text("Answered in").wait_for()


@pytest.mark.slow
def test_going_back_returns_to_the_place_in_a_long_list(wall: Server, open_page: Open) -> None:
    page = open_page(wall, "?q=red")
    pictures(page).first.wait_for()
    while pictures(page).count() < 120:
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(50)
    target = pictures(page).nth(90)
    name = target.locator(".file").inner_text()
    target.locator(".open").click()
    page.get_by_role("heading", name=name).wait_for()
    page.go_back()
    again = page.locator(".results .picture").filter(has_text=name)
    again.wait_for()
    page.wait_for_function("() => scrollY > 500")
    assert again.evaluate(
        "one => { const box = one.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0; }"
    )
    page.reload()
    page.wait_for_function("() => scrollY > 500")
    assert pictures(page).count() >= 120


@pytest.mark.slow
@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("width", [1280, 360])
def test_rows_are_of_one_height_and_as_wide_as_the_page(
    wall: Server, open_page: Open, width: int, touched: bool
) -> None:
    size = {"width": width, "height": 740}
    page = open_page(wall, "?q=red", viewport=size, is_mobile=touched, has_touch=touched)
    pictures(page).first.wait_for()
    rows: dict[int, list[float]] = {}
    for top, height in page.evaluate(PICTURES):
        rows.setdefault(round(top), []).append(height)
    assert len(rows) > 5
    assert all(max(heights) - min(heights) < 1 for heights in rows.values()), rows
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.locator(".results .actions").evaluate_all(BEYOND)
    assert beyond == []
    assert (
        page.locator(".grid").evaluate("one => getComputedStyle(one).backgroundColor") == "rgba(0, 0, 0, 0)"
    )


@pytest.mark.slow
def test_nothing_moves_when_thumbnails_arrive(wall: Server, open_page: Open) -> None:
    page = open_page(wall)
    page.add_init_script(f"({SHIFTS})()")
    page.route("**/thumbnail*", lambda route: (page.wait_for_timeout(30), route.continue_()))
    for address in ("", "?q=red", "?view=overview"):
        page.goto(f"{wall.url}/{address}")
        page.locator("img").first.wait_for()
        for _ in range(4):
            page.mouse.wheel(0, 1500)
            page.wait_for_timeout(150)
        page.wait_for_load_state("networkidle")
        shifts = page.evaluate("window.shifts")
        assert sum(one["value"] for one in shifts) < 0.005, (address, shifts)


@pytest.mark.slow
def test_thumbnails_are_kept_by_the_browser(wall: Server, open_page: Open) -> None:
    page = open_page(wall, "?q=red")
    page.wait_for_load_state("networkidle")
    with page.expect_response("**/v1/search"):
        page.reload()
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate(
        "performance.getEntriesByType('resource').map((one) => [one.name, one.transferSize])"
    )
    sizes = {size for name, size in loaded if name.endswith("/thumbnail")}
    assert sizes == {0}
    link = pictures(page).first.locator("img").get_attribute("src") or ""
    kept = page.request.get(wall.url + link).headers["cache-control"]
    assert re.fullmatch(r"(public|private), max-age=31536000, immutable", kept)


@pytest.mark.slow
def test_results_are_drawn_before_anything_else_has_come(wall: Server, open_page: Open) -> None:
    """How many milliseconds that takes is `python -m bench.page`'s to say."""
    page = open_page(wall)
    page.route(
        lambda url: not url.endswith(("/v1/search", ".js", ".css", "?q=red")),
        lambda route: None,  # Neither goes on nor fails: on its way for ever.
    )
    with page.expect_request(re.compile("/thumbnail")):
        page.goto(f"{wall.url}/?q=red", wait_until="commit")
        pictures(page).first.locator(".score").wait_for()
