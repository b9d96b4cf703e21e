"""Queries by words, by themselves and among dense ones; and facets."""

from __future__ import annotations

import numpy as np
import pytest

from backend.store import lexical
from backend.store.base import Facet, Filter, Point, Query, SparseVector, VectorStore
from tests.contract.model import IDS, VECTORS, Model, point, question, words

NORTH = Filter("north")


def ids_of(store: VectorStore, space: str, text: str) -> list[str]:
    return [hit.id for hit in store.query(space, "caption", words(text))]


def test_only_what_shares_a_word_is_found_and_rare_words_weigh_more(store: VectorStore, space: str) -> None:
    store.upsert(
        space,
        "caption",
        [
            point(1, text="a dog in the snow"),
            point(2, text="a dog"),
            point(3, text="two dogs run"),
            point(4, text="snow"),
            point(5, text="a cat"),
            point(6),
        ],
    )
    assert ids_of(store, space, "dogs in snow")[:2] == [IDS[1], IDS[4]]
    assert set(ids_of(store, space, "dogs in snow")) == {IDS[1], IDS[2], IDS[3], IDS[4]}
    assert ids_of(store, space, "zebra") == []


def test_names_and_numbers_are_words(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(1, text="Ann Lee, 2024"), point(2, text="in 2023"), point(3, text="Ann")]
    )
    assert ids_of(store, space, "2024") == [IDS[1]]
    assert ids_of(store, space, "ann lee")[0] == IDS[1]
    assert ids_of(store, space, "20") == []


def test_chinese_is_split_into_words(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(1, text="一只狗在雪地里奔跑"), point(2, text="两只猫")])
    assert ids_of(store, space, "雪地") == [IDS[1]]
    assert ids_of(store, space, "狗 奔跑") == [IDS[1]]


@pytest.mark.parametrize("text", ["", "the of", "!?", "the"])
def test_a_question_or_text_without_words_finds_and_is_found_by_nothing(
    store: VectorStore, space: str, text: str
) -> None:
    store.upsert(space, "caption", [point(1, text="the dog"), point(2, text=text)])
    assert store.query(space, "caption", words(text)) == []
    assert ids_of(store, space, "the dog") == [IDS[1]]


def test_rarity_is_counted_within_the_tenant(store: VectorStore, space: str) -> None:
    mine = [point(1, text="a dog"), point(2, text="a cat"), point(3, text="the cat")]
    store.upsert(space, "caption", mine)
    alone = store.query(space, "caption", words("dog cat"))
    store.upsert(space, "caption", [point(n, tenant="south", text="dog dogs") for n in range(4, 12)])
    assert store.query(space, "caption", words("dog cat")) == alone
    both = [words("dog cat"), words("dog cat", filter=Filter("south"))]
    assert store.query_batch(space, "caption", both)[0] == alone


def test_deleted_points_count_for_nothing(store: VectorStore, space: str) -> None:
    store.upsert(space, "caption", [point(1, text="a dog"), point(2, text="a cat")])
    before = store.query(space, "caption", words("dog cat"))
    store.upsert(space, "caption", [point(n, text="a dog") for n in range(3, 9)])
    store.delete(space, "caption", IDS[3:9])
    assert store.query(space, "caption", words("dog cat")) == before


def test_scores_are_bm25(store: VectorStore, space: str) -> None:
    model = Model()
    points = [
        point(1, text="dog dog dog snow"),
        point(2, text="a dog"),
        point(3, text="snow"),
        point(4, text="x"),
    ]
    model.upsert(points)
    store.upsert(space, "caption", points)
    hits = store.query(space, "caption", words("dog snow"))
    expected = model.query(words("dog snow"))
    assert [hit.id for hit in hits] == [id for id, _ in expected]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-4)


def test_dense_and_lexical_queries_share_a_batch(store: VectorStore, space: str) -> None:
    store.upsert(
        space, "caption", [point(n, vector=n % 7, text="a dog" if n % 2 else "a cat") for n in range(9)]
    )
    queries = [
        question(0, limit=3),
        words("dog", limit=2),
        question(1, limit=9, filter=Filter("nobody")),
        words("the"),
        words("cat dog", limit=9, offset=2),
        words("cat", min_score=100),
    ]
    answers = store.query_batch(space, "caption", queries)
    assert answers == [store.query(space, "caption", query) for query in queries]
    assert [len(hits) for hits in answers] == [3, 2, 0, 0, 7, 0]


@pytest.mark.parametrize("limit", [1, 5, 40])
def test_equal_texts_are_in_the_order_of_ids_wherever_the_list_is_cut(
    store: VectorStore, space: str, limit: int
) -> None:
    ids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(60)]
    order = np.random.default_rng(limit).permutation(60)
    vector = lexical.document("a dog")
    store.upsert(space, "caption", [Point(ids[n], VECTORS[0], {"tenant": "north"}, vector) for n in order])
    assert [hit.id for hit in store.query(space, "caption", words("dog", limit=limit))] == ids[:limit]


def test_a_weight_that_is_not_finite_is_refused(store: VectorStore, space: str) -> None:
    with pytest.raises(ValueError, match="NaN"):
        store.query(space, "caption", Query(SparseVector((1,), (float("nan"),)), 3, NORTH))


def test_facets_are_counted_inside_the_filter(store: VectorStore, space: str) -> None:
    store.upsert(
        space,
        "caption",
        [
            point(1, tags=("red", "green"), metadata=("year=2024",), keys=("year",)),
            point(2, tags=("red",), metadata=("year=2025", "place=Rome"), keys=("year", "place")),
            point(3, tags=("标签",), metadata=("year=2025",), keys=("year",)),
            point(4, tags=("blue",), tenant="south"),
        ],
    )
    assert store.facet(space, "caption", "tags", 10, NORTH) == [
        Facet("red", 2),
        Facet("green", 1),
        Facet("标签", 1),
    ]
    assert store.facet(space, "caption", "tags", 2, NORTH) == [Facet("red", 2), Facet("green", 1)]
    assert store.facet(space, "caption", "tags", 10, Filter("north", tags_any=("green",))) == [
        Facet("green", 1),
        Facet("red", 1),
    ]
    assert store.facet(space, "caption", "metadata", 1, NORTH, "year=") == [Facet("year=2025", 2)]
    assert store.facet(space, "caption", "metadata_keys", 10, NORTH) == [Facet("year", 3), Facet("place", 1)]
    assert store.facet(space, "caption", "tags", 10, Filter("nobody")) == []
