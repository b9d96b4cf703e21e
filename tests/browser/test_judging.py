"""How well things fit: relevance that can be cut by, and labels of one's own to compare."""

from __future__ import annotations

from tests.browser.conftest import Open
from tests.support.server import Server


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
