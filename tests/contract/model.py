"""What a vector store must answer, by brute force in numpy and Python; and small data to try it with.

Vectors come from a pool of random directions, so that cosines are either equal (one vector, several
points) or far apart: the order that a store must give is then certain in spite of rounding.
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from backend.store import lexical
from backend.store.base import Facet, Filter, Point, Query, Range, SparseVector
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
TEXTS = [
    "a dog in the snow",
    "two dogs run",
    "snow, 2024!",
    "Ann Lee",
    "一只狗在雪地",
    "the",
    "a red dog 2024",
]
WORDS = ["dog", "snow dogs", "2024", "狗 run", "the", "zebra"]
RANGES = {"price": "number", "taken": "datetime"}
PRICES = [-1.5, 0, 3, 4.25]
METADATA = ["year=2024", "year=2025", "place=Rome", "a=b=c"]
KEYS = ["year", "place", "a"]
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
    keys: tuple[str, ...] = (),
    price: float | None = None,
    taken: int | None = None,
    has_caption: bool | None = None,
    text: str | None = None,
) -> Point:
    payload: dict[str, Any] = {
        "tenant": tenant,
        "kind": "caption",
        "tags": list(tags),
        "metadata": list(metadata),
        "metadata_keys": list(keys),
        "ranges": {} if price is None else {"price": [price]},
        "created_at": rfc3339(TIMES[created]),
        "indexed_at": rfc3339(TIMES[indexed]),
    }
    if image is not None:
        payload["image_id"] = IDS[image]
    if taken is not None:
        payload["ranges"]["taken"] = [rfc3339(TIMES[taken])]
    if has_caption is not None:
        payload["has_caption"] = "yes" if has_caption else "no"
    return Point(IDS[n], VECTORS[vector], payload, None if text is None else lexical.document(text))


def question(n: int = 0, limit: int = 10, filter: Filter | None = None, **rest: Any) -> Query:
    return Query(QUESTIONS[n], limit, filter or Filter("north"), **rest)


def words(text: str, limit: int = 10, filter: Filter | None = None, **rest: Any) -> Query:
    return Query(lexical.query(text), limit, filter or Filter("north"), **rest)


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

    def refresh(self, points: list[Point]) -> None:
        for new in points:
            if new.id in self.points:
                self.points[new.id] = replace(new, vector=self.points[new.id].vector)

    def matching(self, filter: Filter) -> list[Point]:
        return [point for point in self.points.values() if _matches(point, filter)]

    def query(self, query: Query) -> list[tuple[str, float]]:
        """Ids with scores to four decimals: what rounding leaves alone."""
        matching = self.matching(query.filter)
        if isinstance(query.vector, SparseVector):
            scores = self._bm25(query.vector, query.filter.tenant)
            scored = [(point.id, scores[point.id]) for point in matching if point.id in scores]
        else:
            scored = [(point.id, round(float(query.vector @ point.vector), 4)) for point in matching]
        scored.sort(key=lambda hit: (-hit[1], hit[0]))
        kept = [hit for hit in scored if query.min_score is None or hit[1] >= query.min_score]
        if query.newest_of is not None:
            made = {
                id: microseconds(self.points[id].payload["created_at"]) for id, _ in kept[: query.newest_of]
            }
            kept = sorted(made.items(), key=lambda hit: (-hit[1], hit[0]))
        return kept[query.offset : query.offset + query.limit]

    def _bm25(self, question: SparseVector, tenant: str) -> dict[str, float]:
        """By id, of the tenant's points that share a word with the question."""
        corpus = {
            point.id: dict(zip(point.lexical.indices, point.lexical.values, strict=True))
            for point in self.points.values()
            if point.payload["tenant"] == tenant and point.lexical and point.lexical.indices
        }
        scores: dict[str, float] = {}
        for word, weight in zip(question.indices, question.values, strict=True):
            having = [id for id, document in corpus.items() if word in document]
            rarity = math.log((len(corpus) - len(having) + 0.5) / (len(having) + 0.5) + 1)
            for id in having:
                scores[id] = scores.get(id, 0.0) + weight * rarity * corpus[id][word]
        return {id: round(score, 4) for id, score in scores.items()}

    def facet(self, field: str, filter: Filter, limit: int, prefix: str) -> list[Facet]:
        values = Counter(value for point in self.matching(filter) for value in set(point.payload[field]))
        found = [Facet(value, count) for value, count in values.items() if value.startswith(prefix)]
        return sorted(found, key=lambda facet: (-facet.count, facet.value))[:limit]


def microseconds(time: str) -> int:
    return (datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _matches(point: Point, filter: Filter) -> bool:
    payload = point.payload
    tags, metadata, keys = (set(payload[field]) for field in ("tags", "metadata", "metadata_keys"))
    created = datetime.fromisoformat(payload["created_at"])
    indexed = datetime.fromisoformat(payload["indexed_at"])
    return (
        payload["tenant"] == filter.tenant
        and (not filter.tags_any or bool(tags & set(filter.tags_any)))
        and tags >= set(filter.tags_all)
        and not tags & set(filter.tags_none)
        and metadata >= set(filter.metadata)
        and keys >= set(filter.exists)
        and not keys & set(filter.missing)
        and all(_in_range(payload["ranges"].get(range.key, []), range) for range in filter.ranges)
        and (filter.has_caption is None or (payload.get("has_caption") == "yes") is filter.has_caption)
        and (filter.ids is None or point.id in filter.ids)
        and point.id not in filter.not_ids
        and (not filter.image_ids or payload.get("image_id") in filter.image_ids)
        and (filter.created_after is None or created >= filter.created_after)
        and (filter.created_before is None or created < filter.created_before)
        and (filter.indexed_before is None or indexed <= filter.indexed_before)
    )


def _in_range(values: list[Any], range: Range) -> bool:
    def holds(value: Any) -> bool:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        return (
            (range.gte is None or value >= range.gte)
            and (range.gt is None or value > range.gt)
            and (range.lte is None or value <= range.lte)
            and (range.lt is None or value < range.lt)
        )

    return any(map(holds, values))
