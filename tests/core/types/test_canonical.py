"""What every type promises: reading never fails, and what has been read once is read the same again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabstream.core.cells import ObservedCell
from tabstream.core.types.base import ColumnType
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted

TYPES = [
    "integer",
    "bigint",
    "numeric",
    "numeric(4,2)",
    "real",
    "double precision",
    "boolean",
    "text",
    "varchar(3)",
    "char(3)",
]
TYPES += ["uuid", "inet", "date", "time", "timestamp", "timestamptz", "timetz", "json", "jsonb", "mood", "bytea", "interval"]
TYPES += ["money", "bit(3)", "integer[]", "boolean[]", "text[]", "timestamptz[]", "jsonb[]", "mood[]"]
NEAR_MISSES = st.sampled_from(["1", "-1.5e3", "true", "2026-11-23", "10:30", "2026-11-23 10:30+01", "[1]", "{1}", '{"a":1}'])
TEXTS = st.text(max_size=12) | st.builds(
    "{}{}{}".format, st.sampled_from(["", " ", "\x07", "\r"]), NEAR_MISSES, st.text(max_size=2)
)
VALUES = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS


def _type(pg_type: str) -> ColumnType:
    labels = ("sad", "1") if pg_type.startswith("mood") else ()
    return column_type(pg_type, nullable=True, zone="Europe/Berlin", labels=labels)


@settings(max_examples=40)
@given(VALUES, TEXTS)
@pytest.mark.parametrize("pg_type", TYPES)
def test_what_a_cell_says_is_read_the_same_again(pg_type: str, value: bool | float | str | None, shown: str) -> None:
    column = _type(pg_type)
    once = column.from_cell(ObservedCell(value, shown))
    assert column.from_cell(ObservedCell(once, shown)) == once
    assert once != ""


@settings(max_examples=40)
@given(TEXTS)
@pytest.mark.parametrize("pg_type", TYPES)
def test_what_the_database_says_stands_in_the_cell_as_it_was_written(pg_type: str, text: str) -> None:
    column = _type(pg_type)
    written = column.from_text(text)
    assert column.from_cell(ObservedCell(written, "any")) == written or _is_not_of(column, text)


@settings(max_examples=40)
@given(VALUES)
@pytest.mark.parametrize("pg_type", TYPES)
def test_a_value_is_taken_or_refused_with_a_reason(pg_type: str, value: bool | float | str | None) -> None:
    column = _type(pg_type)
    try:
        taken = column.to_database(column.from_cell(ObservedCell(value, str(value))))
    except NotAccepted as refused:
        assert refused.reason
    else:
        assert taken is None or isinstance(taken, str)


@pytest.mark.parametrize("pg_type", TYPES)
def test_null_and_an_empty_cell_are_the_same(pg_type: str) -> None:
    column = _type(pg_type)
    assert column.from_text(None) is None
    assert column.from_text("") is None
    assert column.from_cell(ObservedCell()) is None
    assert column.from_cell(ObservedCell("")) is None


def _is_not_of(column: ColumnType, text: str) -> bool:
    """True for a text that the database can't have sent for this type."""
    try:
        column.to_database(column.from_text(text))
    except NotAccepted:
        return True
    return False
