from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.script import Part, language_of, parts_of

BOTH = ("en", "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [("a dog", "en"), ("一只狗", "zh"), ("a 狗", "zh"), ("", "en"), ("собака", "en"), ("🐕 42", "en")],
)
def test_a_chinese_character_makes_a_text_chinese(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a dog", [("en", "a dog")]),
        ("一只狗。", [("zh", "一只狗。")]),
        ("穿T恤的人", [("zh", "穿T恤的人")]),
        ("一只 dog 在跑", [("zh", "一只  在跑"), ("en", "dog ")]),
        ("ＤＯＧ", [("en", "DOG")]),
        ("собака", [("en", "собака")]),
    ],
)
def test_texts_are_divided_by_script(text, parts):
    assert [(part.language, part.text) for part in parts_of(text, BOTH)] == parts


def test_the_longer_part_weighs_more():
    chinese, english = parts_of("两只棕色的狗在雪地里奔跑 dog", BOTH)
    assert chinese.weight > english.weight


@given(st.text())
def test_an_only_language_gets_everything(text):
    (part,) = parts_of(text, ("zh",))
    assert (part.language, part.weight) == ("zh", 1.0)


@given(st.text())
def test_every_text_has_a_part_with_weight(text):
    parts = parts_of(text, BOTH)
    assert all(isinstance(part, Part) and part.weight > 0 for part in parts)
    assert len({part.language for part in parts}) == len(parts) >= 1
