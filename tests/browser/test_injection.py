"""Whatever people write into captions, names, tags and metadata stays text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Expect, Open
from tests.browser.pages import captions
from tests.support.pictures import jpeg
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIL = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    '"><svg onload=alert(3)>',
    "javascript:alert(4)",
    "{{constructor.constructor('alert(5)')()}}",
)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Server:
    with Server(tmp_path_factory.mktemp("evil") / "data") as server:
        with server.client() as client:
            for i, text in enumerate(EVIL):
                name = f"{text.replace('/', '')}.jpg"
                metadata = {text: text, "nested": {text: [text]}}
                added = client.upload(
                    [(name, jpeg((200, 9, 9), seed=i))], captions=[text], tags=[text], metadata=metadata
                ).items
                client.wait([item.id for item in added])
            broken = client.upload([(f"{EVIL[0]}.jpg", jpeg((1, 2, 3), (300, 200))[:900])]).items
            client.wait([broken[0].id])
        yield server


def executed(page: Page) -> int:
    """Elements that only markup from outside could have made."""
    return page.locator("main script, main [onerror], main [onload], main [href^='javascript']").count()


ADDRESSES = (
    "",
    "?q=red",
    "?view=overview",
    "?view=upload",
    f"?q={EVIL[0]}&tag={EVIL[1]}",
    f"?like={EVIL[2]}",
)


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.slow)])
def test_nothing_that_people_wrote_is_run(
    evil: Server, open_page: Open, expect_failures: Expect, language: str
) -> None:
    page = open_page(evil, locale=language)
    expect_failures("422")
    for address in ADDRESSES:
        page.goto(f"{evil.url}/{address}")
        page.wait_for_load_state("networkidle")
        assert executed(page) == 0, address
        if address == "?q=red":
            assert captions(page).count() == len(EVIL)
            assert EVIL[0] in captions(page).locator(".words").all_inner_texts()


@pytest.mark.slow
def test_not_on_the_page_of_an_item_either(evil: Server, open_page: Open) -> None:
    page = open_page(evil)
    for i in range(len(EVIL)):
        page.locator(".results .hit .open").nth(i).click()
        page.locator(".metadata-row").first.wait_for()
        page.locator(".neighbours .hit").first.wait_for()
        assert executed(page) == 0
        page.get_by_label("Labels to choose from").fill(EVIL[0])
        page.get_by_role("button", name="Delete", exact=True).click()
        page.locator(".toast").get_by_role("button", name="Undo").click()


def test_policy_forbids_what_the_page_does_not_need(
    evil: Server, open_page: Open, expect_failures: Expect
) -> None:
    page = open_page(evil)
    expect_failures("TrustedHTML")
    policy = page.request.get(evil.url).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    attempt = (
        "try { document.body.innerHTML = '<b>x</b>'; return 'taken'; } catch (error) { return error.name; }"
    )
    assert page.evaluate(f"() => {{ {attempt} }}") == "TypeError"
