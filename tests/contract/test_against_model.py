"""Random points, changes and questions: every adapter answers what brute force answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.store.base import Filter, Range, ScoredPoint, VectorStore
from tests.contract.model import (
    IDS,
    KEYS,
    METADATA,
    PRICES,
    QUESTIONS,
    TAGS,
    TENANTS,
    TEXTS,
    TIMES,
    VECTORS,
    WORDS,
    Model,
    point,
    question,
    words,
)

indices = st.integers(0, len(IDS) - 1)
times = st.integers(0, len(TIMES) - 1)
ids = st.lists(st.sampled_from(IDS), max_size=6, unique=True).map(tuple)


def some(values: list[str], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


points = st.builds(
    point,
    n=indices,
    vector=st.integers(0, len(VECTORS) - 1),
    tenant=st.sampled_from(TENANTS),
    tags=some(TAGS),
    metadata=some(METADATA),
    image=st.none() | st.integers(0, 3),
    created=times,
    indexed=times,
    keys=some(KEYS),
    price=st.none() | st.sampled_from(PRICES),
    taken=st.none() | times,
    has_caption=st.none() | st.booleans(),
    text=st.none() | st.sampled_from(TEXTS),
)
changes = st.one_of(
    st.tuples(st.just("upsert"), st.lists(points, min_size=1, max_size=12)),
    st.tuples(st.just("upsert"), st.lists(points, min_size=1, max_size=12)),
    st.tuples(st.just("delete"), ids.map(list)),
    st.tuples(st.just("refresh"), st.lists(points, max_size=6, unique_by=lambda point: point.id)),
    st.tuples(
        st.just("set_payload"), st.sampled_from(IDS), st.fixed_dictionaries({"tags": some(TAGS).map(list)})
    ),
)
prices, moments = st.none() | st.sampled_from([*PRICES, 1.0]), st.none() | st.sampled_from(TIMES)
ranges = st.one_of(
    st.builds(Range, key=st.just("price"), gte=prices, gt=prices, lte=prices, lt=prices),
    st.builds(Range, key=st.just("taken"), gte=moments, gt=moments, lte=moments, lt=moments),
).filter(lambda range: {range.gte, range.gt, range.lte, range.lt} != {None})
filters = st.builds(
    Filter,
    tenant=st.sampled_from(TENANTS),
    tags_any=some(TAGS),
    tags_all=some(TAGS, 1),
    tags_none=some(TAGS, 1),
    metadata=some(METADATA, 1),
    ids=st.none() | st.none() | ids,
    not_ids=ids,
    image_ids=st.just(()) | some(IDS[:4]),
    created_after=st.none() | st.sampled_from(TIMES),
    created_before=st.none() | st.sampled_from(TIMES),
    indexed_before=st.none() | st.sampled_from(TIMES),
    exists=some(KEYS, 1),
    missing=some(KEYS, 1),
    ranges=st.lists(ranges, max_size=1).map(tuple),
    has_caption=st.none() | st.none() | st.booleans(),
)
plain_filters = st.builds(Filter, tenant=st.sampled_from(TENANTS))
questions = st.builds(
    question,
    n=st.integers(0, len(QUESTIONS) - 1),
    limit=st.integers(0, 12),
    filter=filters | plain_filters,
    offset=st.sampled_from([0, 0, 1, 3, 20]),
    min_score=st.none() | st.sampled_from([-0.30005, 0.00005, 0.20005]),
    newest_of=st.sampled_from([None, None, 100]),
)

by_words = st.builds(
    words,
    text=st.sampled_from(WORDS),
    limit=st.integers(0, 12),
    filter=filters | plain_filters,
    offset=st.sampled_from([0, 0, 1, 3]),
    min_score=st.none() | st.sampled_from([0.50005, 2.00005]),
    newest_of=st.sampled_from([None, None, 100]),
)


def assert_equal(hits: list[ScoredPoint], expected: list[tuple[str, float]]) -> None:
    assert [hit.id for hit in hits] == [id for id, _ in expected]
    assert [hit.score for hit in hits] == pytest.approx([score for _, score in expected], abs=1e-3)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(changes, max_size=5), asked=st.lists(questions | by_words, min_size=1, max_size=4))
def test_answers_equal_those_of_brute_force(
    store: VectorStore, shared_space: str, steps: list[tuple[Any, ...]], asked: list[Any]
) -> None:
    store.delete(shared_space, "caption", IDS)
    model = Model()
    for name, *arguments in steps:
        getattr(model, name)(*arguments)
        getattr(store, name)(shared_space, "caption", *arguments)

    for query in asked:
        assert_equal(store.query(shared_space, "caption", query), model.query(query))
        assert store.count(shared_space, "caption", query.filter) == len(model.matching(query.filter))
        assert store.facet(shared_space, "caption", "tags", 3, query.filter) == model.facet(
            "tags", query.filter, 3, ""
        )
        assert store.facet(shared_space, "caption", "metadata", 9, query.filter, "year=") == model.facet(
            "metadata", query.filter, 9, "year="
        )
        sample = store.sample(shared_space, "caption", 5, query.filter)
        matching = {point.id for point in model.matching(query.filter)}
        assert {point.id for point in sample} <= matching
        assert len(sample) == min(5, len(matching))
    batch = store.query_batch(shared_space, "caption", asked)
    for hits, query in zip(batch, asked, strict=True):
        assert_equal(hits, model.query(query))
    assert store.scroll(shared_space, "caption")[0] == sorted(model.points)
    stored = {point.id: point.payload for point in store.get(shared_space, "caption", IDS)}
    assert stored == {id: point.payload for id, point in model.points.items()}
