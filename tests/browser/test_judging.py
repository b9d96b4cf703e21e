"""How well things fit: relevance that can be cut by, and labels of one's own to compare."""

from __future__ import annotations

from tests.browser.conftest import Open
from tests.browser.pages import captions, pictures, search, settled
from tests.support.server import Server


def test_the_slider_greys_out_what_would_be_cut_and_then_cuts(gallery: Server, open_page: Open) -> None:
    page = open_page(gallery)
    search(page, "a cat")
    page.get_by_role("slider", name="Relevance").fill("0.5")
    page.wait_for_url("**min=0.5**")
    below = page.locator(".hit.below").count()
    assert 0 < below < page.locator(".results .hit").count()
    assert "below" not in (pictures(page).first.get_attribute("class") or "")
    page.get_by_label("hide the rest").check()
    settled(page)
    assert page.locator(".results .hit.below").count() == 0
    assert pictures(page).count() + captions(page).count() == 29 - below
    page.reload()
    settled(page)
    assert page.get_by_role("slider").input_value() == "0.5"
    assert pictures(page).count() + captions(page).count() == 29 - below


def test_labels_of_ones_own_are_compared(gallery: Server, open_page: Open) -> None:
    with gallery.client() as client:
        [cat] = [item for item in client.list_items(kind="image") if item.filename == "chelsea.png"]
    page = open_page(gallery, f"?view=item&id={cat.id}")
    page.get_by_label("Labels to choose from").fill("a rocket, a cat，a cup of coffee\na cat")
    page.get_by_role("button", name="Compare").click()
    bars = page.locator(".bars li")
    bars.first.wait_for()
    said = [bar.split("\n") for bar in bars.all_inner_texts()]
    assert said[0][0] == "a cat"
    assert len(said) == 3
    assert float(said[0][1].rstrip("%")) > 90
