"""Cells of Google's answers read as values, and equal values have equal digests."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import (
    EMPTY_CELL,
    EMPTY_DIGEST,
    CellValue,
    ObservedCell,
    digest,
    key_values,
    number,
    observed_cell,
    row_key,
)

VALUES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@pytest.mark.parametrize(
    ("data", "cell"),
    [
        ({}, EMPTY_CELL),
        ({"effectiveValue": {"numberValue": 7}, "formattedValue": "007"}, ObservedCell(7.0, "007")),
        ({"effectiveValue": {"boolValue": False}, "formattedValue": "FALSE"}, ObservedCell(False, "FALSE")),
        ({"effectiveValue": {"stringValue": ""}}, ObservedCell(None)),
        ({"userEnteredValue": {"stringValue": "a"}}, ObservedCell("a")),
        (
            {
                "userEnteredValue": {"formulaValue": "=A1"},
                "effectiveValue": {"errorValue": {"type": "REF"}},
                "formattedValue": "#REF!",
                "note": "why",
            },
            ObservedCell("#REF!", "#REF!", True, "why"),
        ),
        ({"note": "only a note"}, ObservedCell(None, "", False, "only a note")),
    ],
)
def test_a_cell_of_an_answer_is_read(data: dict[str, Any], cell: ObservedCell) -> None:
    assert observed_cell(data) == cell


@pytest.mark.parametrize(
    ("one", "other"),
    [(True, 1.0), (False, 0.0), ("1", 1.0), ("TRUE", True), (None, 0.0), ("n", None), (1.0, 1.0000000000000002)],
)
def test_values_that_differ_have_digests_that_differ(one: CellValue, other: CellValue) -> None:
    assert digest(one) != digest(other)


def test_empty_text_and_negative_zero_are_what_they_look_like() -> None:
    assert digest("") == digest(None) == EMPTY_DIGEST
    assert digest(-0.0) == digest(0.0)
    assert math.copysign(1, number(-0.0)) == 1


@given(VALUES)
def test_a_digest_is_eight_characters_that_need_no_quoting(value: CellValue) -> None:
    assert len(digest(value)) == 8
    assert not set(digest(value)) & set(":\"' ,[]{}")


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_a_row_key_gives_its_values_back(values: list[CellValue]) -> None:
    assert key_values(row_key(values)) == tuple(values)


@pytest.mark.parametrize(
    ("values", "key"), [([17.0], "[17]"), (["abc", 3.0], '["abc",3]'), ([None, True, 1.5], "[null,true,1.5]")]
)
def test_a_row_key_is_short_json(values: list[CellValue], key: str) -> None:
    assert row_key(values) == key


@pytest.mark.parametrize("key", ["[[1]]", '[{"a": 1}]', "[NaN]", "[Infinity]"])
def test_a_row_key_of_anything_but_cell_values_is_refused_bad(key: str) -> None:
    with pytest.raises(ValueError, match="is not a cell value"):
        key_values(key)
