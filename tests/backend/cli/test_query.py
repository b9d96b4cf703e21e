"""Options become the request that they mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from backend.cli.query import Parts, conditions


def test_parts_keep_their_order_files_and_signs(tmp_path: Path) -> None:
    query = Parts()
    query.add_words(["a dog"])
    query.add_pictures([tmp_path / "a.png", tmp_path / "b.png"])
    query.add_words(["snow"], weight=-1)
    query.add_pictures([tmp_path / "c.png"])
    assert query.parts == [
        {"text": "a dog"},
        {"file": 0},
        {"file": 1},
        {"text": "snow", "weight": -1},
        {"file": 2},
    ]
    assert [path.name for path in query.pictures] == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["colour=red"], {"colour": "red"}),
        (["price=3"], {"price": 3}),
        (['price="3"'], {"price": "3"}),
        (["sold=true"], {"sold": True}),
        (["price>=1", "price<5"], {"price": {"gte": 1, "lt": 5}}),
        (["taken > 2026-01-31T12:00:00Z"], {"taken": {"gt": "2026-01-31T12:00:00Z"}}),
        (["place"], {"place": {"exists": True}}),
        (["note=a=b"], {"note": "a=b"}),
        (["note="], {"note": ""}),
        (["price>=NaN"], {"price": {"gte": "NaN"}}),
        (["price=-Infinity"], {"price": "-Infinity"}),
        (["price<1e400"], {"price": {"lt": "1e400"}}),
        (["deep=" + "[" * 100_000], {"deep": "[" * 100_000}),
    ],
)
def test_conditions_mean_what_they_say(given: list[str], meant: dict[str, object]) -> None:
    assert conditions(given) == meant


@pytest.mark.parametrize(
    "given", [["=3"], [""], ["a!=1"], ["a==1"], ["a != 1"], ["a=1", "a>0"], ["a>0", "a=1"], ["a=1", "a=2"]]
)
def test_conditions_that_cannot_be_meant_are_refused(given: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        conditions(given)


@given(st.text(st.characters(exclude_characters="<>=", exclude_categories=["Zs", "Cc", "Cs"]), min_size=1))
def test_any_value_can_be_asked_for_when_quoted(value: str) -> None:
    assert conditions([f"key={json.dumps(value)}"]) == {"key": value}
