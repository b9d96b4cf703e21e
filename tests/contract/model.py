"""What a vector store must answer, by brute force in numpy and Python; and small data to try it with.

Vectors come from a pool of random directions, so that cosines are either equal (one vector, several
points) or far apart: the order that a store must give is then certain in spite of rounding.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from backend.store.base import Filter, Point, Query
from backend.store.filters import rfc3339

DIM = 8
RNG = np.random.default_rng(20)


def _directions(n: int) -> np.ndarray:
    rows = RNG.standard_normal((n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


VECTORS = _directions(7)
QUESTIONS = _directions(5)
IDS = [str(uuid.uuid5(uuid.NAMESPACE_OID, str(n))) for n in range(16)]
TENANTS = ["north", "south"]
TAGS = ["red", "green", "wide angle", "красный", "标签"]
METADATA = ["year=2024", "year=2025", "place=Rome", "a=b=c"]
TIMES = [datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC) + timedelta(microseconds=n) for n in range(4)]


def point(
    n: int,
    vector: int = 0,
    tenant: str = "north",
    tags: tuple[str, ...] = (),
    metadata: tuple[str, ...] = (),
    image: int | None = None,
    created: int = 0,
    indexed: int = 0,
) -> Point:
    payload: dict[str, Any] = {
        "tenant": tenant,
        "kind": "caption",
        "tags": list(tags),
        "metadata": list(metadata),
        "created_at": rfc3339(TIMES[created]),
        "indexed_at": rfc3339(TIMES[indexed]),
    }
    if image is not None:
        payload["image_id"] = IDS[image]
    return Point(IDS[n], VECTORS[vector], payload)


def question(n: int = 0, limit: int = 10, filter: Filter | None = None, **rest: Any) -> Query:
    return Query(QUESTIONS[n], limit, filter or Filter("north"), **rest)


@dataclass
class Model:
    points: dict[str, Point] = field(default_factory=dict)

    def upsert(self, points: list[Point]) -> None:
        self.points |= {point.id: point for point in points}

    def delete(self, ids: list[str]) -> None:
        for id in ids:
            self.points.pop(id, None)

    def set_payload(self, id: str, payload: dict[str, Any]) -> None:
        if id in self.points:
            old = self.points[id]
            self.points[id] = replace(old, payload=old.payload | payload)

    def matching(self, filter: Filter) -> list[Point]:
        return [point for point in self.points.values() if _matches(point, filter)]

    def query(self, query: Query) -> list[tuple[str, float]]:
        """Ids with scores to four decimals: what rounding leaves alone."""
        scored = [
            (point.id, round(float(query.vector @ point.vector), 4)) for point in self.matching(query.filter)
        ]
        scored.sort(key=lambda hit: (-hit[1], hit[0]))
        kept = [hit for hit in scored if query.min_score is None or hit[1] >= query.min_score]
        return kept[query.offset : query.offset + query.limit]


def _matches(point: Point, filter: Filter) -> bool:
    payload = point.payload
    tags, metadata = set(payload["tags"]), set(payload["metadata"])
    created = datetime.fromisoformat(payload["created_at"])
    indexed = datetime.fromisoformat(payload["indexed_at"])
    return (
        payload["tenant"] == filter.tenant
        and (not filter.tags_any or bool(tags & set(filter.tags_any)))
        and tags >= set(filter.tags_all)
        and not tags & set(filter.tags_none)
        and metadata >= set(filter.metadata)
        and (filter.ids is None or point.id in filter.ids)
        and point.id not in filter.not_ids
        and (not filter.image_ids or payload.get("image_id") in filter.image_ids)
        and (filter.created_after is None or created >= filter.created_after)
        and (filter.created_before is None or created < filter.created_before)
        and (filter.indexed_before is None or indexed <= filter.indexed_before)
    )
