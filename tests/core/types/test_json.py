"""JSON is one text for one value, from whichever side it comes."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str, labels: tuple[str, ...] = ()):
    return column_type(pg_type, nullable=True, zone="Europe/Berlin", labels=labels)


FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("jsonb", None, None),
    ("jsonb", '{"b":1,"a":[1,2]}', '{"a": [1, 2], "b": 1}'),
    ("jsonb", '{"bb": 1, "a": 2, "ab": 3}', '{"a": 2, "ab": 3, "bb": 1}'),
    ("jsonb", '{"a": 1, "a": 2}', '{"a": 2}'),
    ("jsonb", "null", "null"),
    ("jsonb", '"ž\\u0041"', '"žA"'),
    ("jsonb", "1.10", "1.10"),
    ("jsonb", "1e5", "100000"),
    ("jsonb", "-0.0", "0.0"),
    ("jsonb", "[1E999999]", "[1E999999]"),
    ("jsonb", "12345678901234567890.123456789", "12345678901234567890.123456789"),
    ("json", '{"b":1,\n"a":2, "b":3}', '{"b": 1, "a": 2, "b": 3}'),
    ("json", "1e5", "1e5"),
    ("json", '"\\ud800"', '"\\ud800"'),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    assert _type(pg_type).from_text(text) == cell


FROM_CELL: list[tuple[str, CellValue, CellValue]] = [
    ("jsonb", '{"b":1, "a":2}', '{"a": 2, "b": 1}'),
    ("jsonb", "{broken", "{broken"),
    ("jsonb", 5.0, "5"),
    ("jsonb", True, "true"),
    ("jsonb", "", None),
]


@pytest.mark.parametrize(("pg_type", "value", "cell"), FROM_CELL)
def test_a_cell_is_the_json_it_means(pg_type: str, value: CellValue, cell: CellValue) -> None:
    assert _type(pg_type).from_cell(ObservedCell(value, "shown otherwise")) == cell


TO_DATABASE: list[tuple[str, CellValue, str | None]] = [
    ("jsonb", None, None),
    ("jsonb", '{"a":1}', '{"a": 1}'),
    ("json", True, "true"),
]


@pytest.mark.parametrize(("pg_type", "value", "text"), TO_DATABASE)
def test_json_goes_to_the_database(pg_type: str, value: CellValue, text: str | None) -> None:
    assert _type(pg_type).to_database(value) == text


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("jsonb", "{a: 1}", "is not valid JSON"),
    ("json", "[1,", "is not valid JSON"),
    ("json", "NaN", "NaN is no JSON number"),
    ("json", "[" * 100_000, "nested too deeply"),
    ("jsonb", '"a\\u0000"', "U+0000"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_what_is_no_json_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@given(JSON_VALUES)
@pytest.mark.parametrize("pg_type", ["json", "jsonb"])
def test_json_survives_the_way_there_and_back(pg_type: str, value: Any) -> None:
    column = _type(pg_type)
    text = json.dumps(value)
    cell = column.from_text(text)
    assert isinstance(cell, str)
    assert _exactly(cell) == _exactly(text)
    assert column.from_cell(ObservedCell(cell, cell)) == cell
    if "\\u0000" not in text:
        assert column.from_text(column.to_database(cell)) == cell
