from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.projection import keywords, payload, project
from backend.store.base import Point
from backend.store.edge import EdgeStore
from encoders.base import Space
from tests.support.items import SPACE, TENANT, add_caption, add_image, index

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EdgeStore]:
    opened = EdgeStore(tmp_path / "vectors")
    opened.ensure_space(Space(SPACE, 4, "0" * 64, ("en",), "Apache-2.0"))
    yield opened
    opened.close()


def test_scalar_metadata_become_keywords() -> None:
    metadata = {
        "s": "a=b",
        "i": 3,
        "f": 1.5,
        "t": True,
        "n": None,
        "list": ["x", 2, ["deep"]],
        "o": {"a": 1},
    }
    assert keywords(metadata) == ["s=a=b", "i=3", "f=1.5", "t=true", "n=null", "list=x", "list=2"]


def test_a_payload_holds_what_filters_ask_for(catalogue: Catalogue) -> None:
    image = add_image(catalogue, "cat", tags=("a",), metadata={"k": "v"})
    caption = add_caption(catalogue, "a cat", image.id)
    assert payload(image, TIME) == {
        "tenant": TENANT,
        "kind": "image",
        "tags": ["a"],
        "metadata": ["k=v"],
        "created_at": "2026-01-02T03:04:05.678901Z",
        "indexed_at": "2026-01-02T03:04:05.678901Z",
    }
    assert payload(caption, TIME)["image_id"] == image.id


def test_projecting_writes_changed_payloads_once(catalogue: Catalogue, store: EdgeStore) -> None:
    item = add_image(catalogue, "cat", tags=("old",))
    index(catalogue, item)
    store.upsert(SPACE, "image", [Point(item.id, np.ones(4, np.float32), payload(item, TIME))])
    catalogue.patch(TENANT, item.id, ["new"], {"k": 1})
    assert project(catalogue, store) == 1
    (point,) = store.get(SPACE, "image", [item.id])
    assert (point.payload["tags"], point.payload["metadata"]) == (["new"], ["k=1"])
    assert point.payload["indexed_at"] == payload(item, TIME)["indexed_at"]
    assert project(catalogue, store) == 0


def test_an_item_without_a_point_is_left_to_its_encoding(catalogue: Catalogue, store: EdgeStore) -> None:
    item = add_image(catalogue, "cat")
    index(catalogue, item)
    catalogue.upkeep.lost(SPACE, [item.id])
    catalogue.patch(TENANT, item.id, ["new"], None)
    assert project(catalogue, store) == 1
    assert store.count(SPACE, "image") == 0
