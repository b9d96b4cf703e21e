from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.store import lexical


def share(text: str, question: str) -> float:
    """How much of the question's words are in the text."""
    words = set(lexical.query(question).indices)
    return len(words & set(lexical.document(text).indices)) / len(words)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Two dogs are running", "dog runs"),
        ("CAFÉ Müller", "cafe müller"),
        ("IMG_0042.jpg", "0042"),
        ("born in 1984, died in 2024", "2024"),
        ("２０２４年", "2024"),
        ("مباراة ٢٠٢٤", "2024"),
        ("version 3.5", "3.5"),
        ("一只黑狗在雪地里奔跑", "狗"),
        ("一只黑狗在雪地里奔跑", "黑狗 奔跑"),
        ("東京タワー", "東京"),
        ("Санкт-Петербург", "петербург"),
        ("编号13的运动员", "13"),
        ("编号13的运动员", "编号13"),
        ("flight BA2490", "ba2490"),
    ],
)
def test_words_are_found_as_people_type_them(text: str, question: str) -> None:
    assert share(text, question) == 1


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("2024", "2023"),
        ("42", "0042"),
        ("catalogue", "cat"),
        ("黑狗", "猫"),
        ("R2D2", "2"),
        ("zorblax39", "zorblax3"),
        ("BA2490", "490"),
    ],
)
def test_other_words_are_not(text: str, question: str) -> None:
    assert share(text, question) == 0


def test_numbers_of_chinese_texts_are_told_apart() -> None:
    assert share("编号13", "编号23") < share("编号13", "编号13") == 1
    assert share("编号3", "编号13") < 1


@pytest.mark.parametrize("text", ["", " ", "!?", "the", "it is", "\n\t", "🐈"])
def test_some_texts_have_no_words(text: str) -> None:
    assert lexical.query(text).indices == lexical.document(text).indices == ()


def test_a_word_weighs_more_when_repeated_and_less_in_a_longer_text() -> None:
    def weight(text: str) -> float:
        return sum(value for i, value in zip(*vars(lexical.document(text)).values(), strict=True) if i == dog)

    (dog,) = lexical.query("dog").indices
    assert weight("dog dog") > weight("dog") > weight("dog beside " + "many other animals " * 10)


@given(st.text(max_size=60))
def test_any_text_has_finite_weights_for_distinct_words(text: str) -> None:
    for vector in (lexical.document(text), lexical.query(text)):
        assert len(set(vector.indices)) == len(vector.indices) == len(vector.values)
        assert all(math.isfinite(value) and value > 0 for value in vector.values)
