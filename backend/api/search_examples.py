"""Whole searches and an answer, as the OpenAPI document shows them: tests ask a server each of them."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, Any] = {
    "words": {"summary": "Words", "value": {"query": "a dog on the beach"}},
    "parts": {
        "summary": "Like this, but without that",
        "value": {
            "query": [
                {"text": "a dog on the beach"},
                {"text": "a ball", "weight": 0.5},
                {"text": "snow", "weight": -0.5},
            ],
            "filter": {"tags_any": ["holiday"], "tags_none": ["private"]},
            "limit": 10,
        },
    },
    "merged": {
        "summary": "One list of pictures and their captions, no two alike",
        "value": {"query": "a dog on the beach", "merge": "rrf", "group_by": "image", "diversify": 0.3},
    },
    "hybrid": {
        "summary": "Words as well as meaning: names and numbers count",
        "value": {"query": "a train with the number 50", "hybrid": True},
    },
    "filtered": {
        "summary": "Among pictures with captions, of a price and a time",
        "value": {
            "query": "a dog on the beach",
            "return": ["images"],
            "filter": {
                "has_caption": True,
                "metadata": {"price": {"gte": 1, "lt": 5}, "taken": {"lt": "2026-01-01T00:00:00Z"}},
            },
        },
    },
    "newest": {
        "summary": "What is good enough, newest first",
        "value": {"query": "a dog on the beach", "order_by": "created_at", "min_relevance": 0.25},
    },
}

_FOUND: dict[str, Any] = {
    "id": "0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10",
    "kind": "image",
    "score": 0.412345,
    "relevance": 0.81,
    "text": None,
    "image_id": None,
    "filename": "beach.jpg",
    "width": 500,
    "height": 375,
    "tags": ["holiday"],
    "metadata": {"place": "Sylt"},
    "links": {
        "self": "/v1/items/0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10",
        "content": "/v1/images/0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10/content",
        "thumbnail": "/v1/images/0f6d6f3e-7f55-5b7c-9a51-2a6f3c0f6a10/thumbnail",
    },
}
FOUND: dict[str, Any] = {
    "images": [_FOUND],
    "captions": [
        _FOUND
        | {
            "id": "5b0d3c1e-2f0a-5d8e-8c55-0d3a9f1b7c42",
            "kind": "caption",
            "score": 0.634512,
            "relevance": 0.9,
            "text": "A dog runs along the water's edge .",
            "image_id": _FOUND["id"],
            "filename": None,
            "width": None,
            "height": None,
            "links": _FOUND["links"] | {"self": "/v1/items/5b0d3c1e-2f0a-5d8e-8c55-0d3a9f1b7c42"},
        }
    ],
    "merged": None,
    "next_cursor": None,
    "space": "twinspace-mini-401e6bcf",
    "took_ms": {"encode": 3.1, "search": 2.4, "total": 6.2},
    "indexing": None,
}
