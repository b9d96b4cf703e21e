from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.catalogue.search.queries import LISTS
from backend.catalogue.search.relevance import Scale
from backend.catalogue.search.search_cursor import (
    Given,
    Place,
    SearchCursor,
    decode_cursor,
    encode_cursor,
    half,
    key_of,
    single,
)
from backend.errors import InvalidCursor
from backend.store.base import KINDS
from encoders.calibration import SHARES

FINGERPRINT = b"12345678"
DIM = 8
PLACES = st.builds(
    Place,
    given=st.integers(1, 10_000),
    score=st.floats(-1, 1, width=32),
    id=st.uuids().map(str),
    exhausted=st.booleans(),
) | st.just(Place())
GIVEN = st.builds(
    Given,
    keys=st.frozensets(st.uuids().map(lambda id: key_of(str(id))), max_size=50),
    exhausted=st.booleans(),
)
SCALES = st.floats(-1, 1, width=32).map(lambda low: single(Scale(low + np.arange(len(SHARES)) / 20)))
CURSORS = st.builds(
    SearchCursor,
    fingerprint=st.just(FINGERPRINT),
    as_of=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    marks=st.fixed_dictionaries(dict.fromkeys(LISTS, PLACES | GIVEN)),
    scales=st.dictionaries(st.sampled_from(KINDS), SCALES),
    vector=st.lists(st.floats(-1, 1, width=16), min_size=DIM, max_size=DIM).map(
        lambda values: np.array(values, np.float32)
    ),
)
CURSOR = SearchCursor(
    FINGERPRINT,
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    {"image": Place(20, 0.25, "00000000-0000-5000-8000-000000000001"), "caption": Place(exhausted=True)},
    {},
    half(np.linspace(-1, 1, DIM, dtype=np.float32)),
)


@given(CURSORS, st.sampled_from([None, b"key"]))
def test_a_cursor_brings_back_everything(cursor: SearchCursor, key: bytes | None) -> None:
    text = encode_cursor(cursor, key)
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").isalnum()
    back = decode_cursor(text, FINGERPRINT, DIM, key)
    assert (back.fingerprint, back.as_of, back.marks) == (cursor.fingerprint, cursor.as_of, cursor.marks)
    assert np.array_equal(back.vector, cursor.vector)
    assert back.scales.keys() == cursor.scales.keys()
    for kind, scale in cursor.scales.items():
        assert np.array_equal(back.scales[kind].cosines, scale.cosines)


@given(st.text() | st.binary().map(lambda data: data.hex()))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(text, FINGERPRINT, DIM, None)


@given(st.integers(0), st.characters(codec="ascii"))
def test_a_changed_cursor_is_refused(position: int, character: str) -> None:
    text = encode_cursor(CURSOR, None)
    position %= len(text) - 1  # The last character carries spare bits that mean nothing.
    if text[position] != character:
        with pytest.raises(InvalidCursor):
            decode_cursor(text[:position] + character + text[position + 1 :], FINGERPRINT, DIM, None)


def test_a_cursor_made_with_another_key_is_refused() -> None:
    for ours, theirs in ((b"ours", b"theirs"), (b"ours", None), (None, b"theirs")):
        with pytest.raises(InvalidCursor):
            decode_cursor(encode_cursor(CURSOR, theirs), FINGERPRINT, DIM, ours)


def test_a_cursor_of_another_request_or_space_is_refused() -> None:
    text = encode_cursor(CURSOR, None)
    with pytest.raises(InvalidCursor, match="another search"):
        decode_cursor(text, b"87654321", DIM, None)
    with pytest.raises(InvalidCursor, match="another vector space"):
        decode_cursor(text, FINGERPRINT, DIM + 1, None)


def test_the_error_names_the_cursor() -> None:
    with pytest.raises(InvalidCursor) as caught:
        decode_cursor("x", FINGERPRINT, DIM, None)
    assert [error["field"] for error in caught.value.errors] == ["cursor"]


def test_the_time_of_the_first_page_is_kept_to_the_microsecond() -> None:
    back = decode_cursor(encode_cursor(CURSOR, None), FINGERPRINT, DIM, None)
    assert back.as_of - CURSOR.as_of == timedelta(0)


def test_hits_come_after_a_place_by_score_and_then_by_id() -> None:
    place = Place(1, 0.5, "b")
    assert place.is_before(0.4, "a")
    assert place.is_before(0.5, "c")
    assert not place.is_before(0.5, "b")
    assert not place.is_before(0.5, "a")
    assert not place.is_before(0.6, "z")
    assert Place().is_before(1.0, "")
    assert Place().score == math.inf


def test_half_precision_loses_less_than_a_thousandth_of_cosine() -> None:
    vectors = np.random.default_rng(0).normal(size=(100, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for vector in vectors:
        rounded = half(vector)
        assert float(vector @ rounded) / float(np.linalg.norm(rounded)) > 0.99999
