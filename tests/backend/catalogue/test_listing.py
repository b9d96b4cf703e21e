from __future__ import annotations

import base64

import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.items import Item, Listing
from backend.errors import InvalidCursor
from tests.support.items import TENANT, add_caption, add_image, claim, image


def pages(catalogue: Catalogue, listing: Listing, limit: int) -> list[list[Item]]:
    found, cursor = [], None
    while True:
        page, cursor = catalogue.list(TENANT, listing, limit, cursor)
        found.append(page)
        if cursor is None:
            return found


def test_lists_newest_first_page_by_page(catalogue: Catalogue) -> None:
    added = [each.item for each in catalogue.add_images(TENANT, [image(str(n)) for n in range(7)])]
    found = pages(catalogue, Listing(), 3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [item.id for page in found for item in page] == [item.id for item in reversed(added)]
    assert pages(catalogue, Listing(), 7) == [[item for page in found for item in page]], "no empty last page"


def test_what_arrives_while_paging_shifts_nothing(catalogue: Catalogue) -> None:
    catalogue.add_images(TENANT, [image(str(n)) for n in range(4)])
    first, cursor = catalogue.list(TENANT, Listing(), 2, None)
    add_image(catalogue, "late")
    second, _ = catalogue.list(TENANT, Listing(), 2, cursor)
    assert [item.filename for item in first + second] == ["3.jpg", "2.jpg", "1.jpg", "0.jpg"]


def test_every_filter_selects(catalogue: Catalogue) -> None:
    cat = add_image(catalogue, "cat", tags=("pet", "fur"))
    dog = add_image(catalogue, "dog", tags=("pet",))
    text = add_caption(catalogue, "a cat", cat.id, tags=("pet",))
    add_image(catalogue, "cat", tenant="bert", tags=("pet",))
    catalogue.claims.failed("worker-1", claim(catalogue, 1)[0], "corrupt_image", "cut off")

    def ids(**listing: object) -> list[str]:
        return [item.id for item in catalogue.list(TENANT, Listing(**listing), 10, None)[0]]

    assert ids() == [text.id, dog.id, cat.id]
    assert ids(kind="image") == [dog.id, cat.id]
    assert ids(status="failed") == [cat.id]
    assert ids(tag="pet") == [text.id, dog.id, cat.id]
    assert ids(tag="pet", kind="image", status="pending") == [dog.id]
    assert ids(tag="unknown") == []
    assert ids(image_id=cat.id) == [text.id]
    assert ids(ids=(cat.id, text.id, "nonsense")) == [text.id, cat.id]
    assert ids(ids=()) == []


@pytest.mark.parametrize(
    "cursor",
    ["", "garbage", "ä", "\0", "====", "-1", *(base64.b64encode(x).decode() for x in (b"5", b"x.y"))],
)
def test_a_garbage_cursor_is_refused(catalogue: Catalogue, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        catalogue.list(TENANT, Listing(), 2, cursor)


def test_a_cursor_belongs_to_its_list_and_its_tenant(catalogue: Catalogue) -> None:
    catalogue.add_images(TENANT, [image(str(n)) for n in range(4)])
    _, cursor = catalogue.list(TENANT, Listing(kind="image"), 2, None)
    assert cursor is not None
    with pytest.raises(InvalidCursor):
        catalogue.list(TENANT, Listing(kind="caption"), 2, cursor)
    with pytest.raises(InvalidCursor):
        catalogue.list("bert", Listing(kind="image"), 2, cursor)
    sequence, digest = base64.urlsafe_b64decode(cursor + "==").decode().split(".")
    huge = base64.urlsafe_b64encode(f"{sequence}{'0' * 30}.{digest}".encode()).decode().rstrip("=")
    with pytest.raises(InvalidCursor):
        catalogue.list(TENANT, Listing(kind="image"), 2, huge)
