"""Short ways to say what happens to items."""

from __future__ import annotations

import hashlib
from typing import Any

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.database import utc_now
from backend.catalogue.items import Item, NewCaption, NewImage

TENANT = "anna"
SPACE = "colour-12345678"
WORKER = "worker-1"
LEASE = 60.0


def image(name: str, **values: Any) -> NewImage:
    digest = hashlib.sha256(name.encode()).hexdigest()
    defaults = {"original": f"originals/{name}", "filename": f"{name}.jpg", "content_type": "image/jpeg"}
    return NewImage(digest, **{**defaults, "width": 640, "height": 480, **values})


def add_image(catalogue: Catalogue, name: str, tenant: str = TENANT, **values: Any) -> Item:
    return catalogue.add_images(tenant, [image(name, **values)])[0].item


def add_caption(catalogue: Catalogue, text: str, image_id: str | None = None, **values: Any) -> Item:
    return catalogue.add_captions(TENANT, [NewCaption(text, image_id, **values)])[0].item


def read(catalogue: Catalogue, id: str, tenant: str = TENANT) -> Item:
    return catalogue.get(tenant, [id])[id]


def claim(catalogue: Catalogue, limit: int = 10, worker: str = WORKER, **options: Any) -> list[Claim]:
    return catalogue.claims.claim(SPACE, worker, limit, LEASE, **options)


def claimed_ids(claims: list[Claim]) -> list[str]:
    return [claim.item.id for claim in claims]


def index(catalogue: Catalogue, *items: Item) -> None:
    """Takes these items, and whatever else is due, through a claim into the space."""
    claims = claim(catalogue, 1000)
    assert {item.id for item in items} <= set(claimed_ids(claims))
    catalogue.claims.indexed(SPACE, utc_now(), claims)
