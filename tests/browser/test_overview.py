"""The overview tells whoever runs the server what is there, what waits and what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Expect, Open
from tests.browser.test_upload import BROKEN
from tests.support.pictures import jpeg
from tests.support.server import Server

PHONE = {"width": 360, "height": 740}
LINES = "one => one.getBoundingClientRect().height / (1.5 * parseFloat(getComputedStyle(one).fontSize))"


def test_the_overview_counts_and_names_the_space(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery, "?view=overview")
    page.locator(".counts .images dd").wait_for()
    counts = page.locator(".counts dt").all_inner_texts(), page.locator(".counts dd").all_inner_texts()
    assert counts == (["Pictures", "Captions", "Pending", "Failed"], ["16", "13", "0", "0"])
    assert "twinspace-mini" in page.locator(".overview .facts").inner_text()
    assert page.locator(".recent li").count() == 16
    page.locator(".recent a").first.click()
    page.get_by_role("heading", name="gravel.png").wait_for()


def test_failures_are_shown_with_their_reason_and_can_be_retried(studio: Server, open_page: Open) -> None:
    with studio.client() as client:
        items = client.upload([("half.jpg", BROKEN)]).items
        client.wait([items[0].id])
    page = open_page(studio, "?view=overview")
    failure = page.locator(".failures li").filter(has_text="half.jpg")
    assert "corrupt_image" in failure.inner_text()
    page.set_viewport_size(PHONE)
    lines = failure.get_by_role("link").evaluate(LINES)
    assert lines < 2
    with page.expect_response("**/retry") as retried:
        failure.get_by_role("button", name="Try again").click()
    assert retried.value.status == 202


@pytest.mark.slow
def test_all_that_failed_is_tried_again_not_only_what_is_shown(tmp_path: Path, open_page: Open) -> None:
    with Server(tmp_path / "data") as server:
        with server.client() as client:
            broken = [(f"{i}.jpg", jpeg((i, 9, 9), (300, 200), seed=i)[:900]) for i in range(53)]
            client.wait([item.id for item in client.upload(broken).items])
        page = open_page(server, "?view=overview")
        page.get_by_role("heading", name="53 failed").wait_for()
        retried: list[str] = []
        page.on("request", lambda one: one.url.endswith("/retry") and retried.append(one.url))
        page.get_by_role("button", name="Try all again").click()
        server.wait_for(lambda: (page.wait_for_timeout(50), len(set(retried)) == 53)[1])
        page.close()


@pytest.mark.slow
def test_that_the_server_is_away_is_said_once(
    gallery: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(gallery, "?view=overview")
    expect_failures()
    page.clock.install()
    page.route("**/v1/stats", lambda route: route.abort())
    page.reload()
    page.get_by_role("alert").evaluate("alert => { alert.dataset.seen = 'yes'; }")
    for _ in range(3):
        with page.expect_request("**/v1/stats"):
            page.clock.run_for(5_000)
    assert page.get_by_role("alert").get_attribute("data-seen") == "yes"
    page.unroute("**/v1/stats")
    page.clock.run_for(5_000)
    page.locator(".counts .images dd").wait_for()
    assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
def test_what_is_uploaded_meanwhile_appears_by_itself(studio: Server, open_page: Open) -> None:
    page = open_page(studio, "?view=overview")
    page.locator(".counts .images dd").wait_for()
    with studio.client() as client:
        client.upload([("news.jpg", jpeg((77, 66, 55), seed=55))])
    page.locator(".recent").get_by_text("news.jpg").wait_for()
