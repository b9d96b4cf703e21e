"""What of an item goes into its point: the fields that searches filter by, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.catalogue.catalogue import Catalogue
from backend.catalogue.claims import Claim
from backend.catalogue.items import Item
from backend.store.base import VectorStore

BATCH = 256


def keyword(key: str, value: object) -> str:
    """`key=value`; everything but a text is written as JSON writes it: `true`, `3`, `null`."""
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def keywords(metadata: Mapping[str, Any]) -> list[str]:
    """Of the scalar values, and of each scalar in a list: what `filter.metadata` can ask for."""
    found: list[str] = []
    for key, value in metadata.items():
        for scalar in value if isinstance(value, list) else [value]:
            if not isinstance(scalar, (dict, list)):
                found.append(keyword(key, scalar))
    return list(dict.fromkeys(found))


def payload(item: Item, indexed_at: datetime) -> dict[str, Any]:
    """The payload of the item's point, as `backend.store.base.Point` describes it."""
    values: dict[str, Any] = {
        "tenant": item.tenant,
        "kind": item.kind,
        "tags": list(item.tags),
        "metadata": keywords(item.metadata),
        "created_at": _rfc3339(item.created_at),
        "indexed_at": _rfc3339(indexed_at),
    }
    if item.image_id is not None:
        values["image_id"] = item.image_id
    return values


def project(catalogue: Catalogue, store: VectorStore) -> int:
    """Writes the payloads that are behind; returns how many. Raises `Unavailable`."""
    done = 0
    while stale := catalogue.upkeep.stale(BATCH):
        _project(store, stale)
        catalogue.upkeep.projected(stale)
        done += len(stale)
    return done


def _project(store: VectorStore, stale: Sequence[Claim]) -> None:
    for claim in stale:
        item = claim.item
        # Without a space there is no point: it is written, with this payload, when it is encoded.
        if item.space is not None:
            changed = {"tags": list(item.tags), "metadata": keywords(item.metadata)}
            store.set_payload(item.space, item.kind, item.id, changed)


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
