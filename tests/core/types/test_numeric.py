"""Numbers keep every digit, and only numbers that the column can hold are let through."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.avro import avro_text
from tabstream.core.types.base import NumberFormat
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str):
    return column_type(pg_type, nullable=True, zone="Europe/Berlin")


FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("integer", None, None),
    ("integer", "42", 42.0),
    ("integer", "-1", -1.0),
    ("bigint", "9007199254740991", 9007199254740991.0),
    ("bigint", "9007199254740992", "9007199254740992"),
    ("bigint", "-9223372036854775808", "-9223372036854775808"),
    ("numeric", "1.10", 1.1),
    ("numeric", "1.1", 1.1),
    ("numeric", "-0.00", 0.0),
    ("numeric", "1E+2", 100.0),
    ("numeric(10,2)", "12345678.90", 12345678.9),
    ("numeric", "123456789012345", 123456789012345.0),
    ("numeric", "1234567890123456", "1234567890123456"),
    ("numeric", "0.1234567890123456", "0.1234567890123456"),
    ("numeric", "12345678901234567890.1000000000", "12345678901234567890.1"),
    ("numeric", "NaN", "NaN"),
    ("numeric", "NAN", "NaN"),
    ("numeric", "POSITIVE_INFINITY", "Infinity"),
    ("numeric", "-Infinity", "-Infinity"),
    ("numeric", "1" + "0" * 400, "1e+400"),
    ("double precision", "1e+20", 1e20),
    ("double precision", "1E20", 1e20),
    ("double precision", "-0", 0.0),
    ("double precision", "0.30000000000000004", "0.30000000000000004"),
    ("double precision", "1.7976931348623157e+308", "1.7976931348623157e+308"),
    ("double precision", "5e-324", "5e-324"),
    ("double precision", "Infinity", "Infinity"),
    ("real", "0.1", 0.1),
    ("real", "0.10000000149011612", 0.1),
    ("real", "3.4028235e+38", 3.4028235e38),
    ("real", "16777216", 16777216.0),
    ("real", "NaN", "NaN"),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    assert _type(pg_type).from_text(text) == cell


FROM_CELL: list[tuple[str, CellValue, CellValue]] = [
    ("integer", 5.0, 5.0),
    ("integer", "5", 5.0),
    ("integer", " 007 ", 7.0),
    ("integer", 1.5, 1.5),
    ("integer", "", None),
    ("integer", True, True),
    ("bigint", "9007199254740993", "9007199254740993"),
    ("bigint", 9007199254740991.0, 9007199254740991.0),
    ("numeric(10,2)", 1.005, 1.005),
    ("numeric(10,2)", 0.1 + 0.2, 0.3),
    ("numeric", "1,234.50", "1,234.50"),
    ("numeric", "1.50", 1.5),
    ("numeric", "abc", "abc"),
    ("numeric", "nan", "NaN"),
    ("double precision", "-inf", "-Infinity"),
]


@pytest.mark.parametrize(("pg_type", "value", "cell"), FROM_CELL)
def test_a_cell_is_what_its_number_means(pg_type: str, value: CellValue, cell: CellValue) -> None:
    assert _type(pg_type).from_cell(ObservedCell(value, "shown otherwise")) == cell


TO_DATABASE: list[tuple[str, CellValue, str | None]] = [
    ("integer", None, None),
    ("integer", 42.0, "42"),
    ("integer", "42.0", "42"),
    ("smallint", -32768.0, "-32768"),
    ("bigint", "9223372036854775807", "9223372036854775807"),
    ("numeric(10,2)", 1.005, "1.005"),
    ("numeric(4,2)", 99.994, "99.994"),
    ("numeric(3,-2)", 99940.0, "99940"),
    ("numeric(2,4)", 0.0099, "0.0099"),
    ("numeric", 1e20, "100000000000000000000"),
    ("numeric", "12345678901234567890.1", "12345678901234567890.1"),
    ("numeric", "NaN", "NaN"),
    ("numeric", "Infinity", "Infinity"),
    ("numeric(4,2)", "NaN", "NaN"),
    ("double precision", 1e300, "1e+300"),
    ("double precision", 1e-7, "0.0000001"),
    ("real", 0.1, "0.1"),
    ("real", "-Infinity", "-Infinity"),
]


@pytest.mark.parametrize(("pg_type", "value", "text"), TO_DATABASE)
def test_a_number_goes_to_the_database(pg_type: str, value: CellValue, text: str | None) -> None:
    assert _type(pg_type).to_database(value) == text


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("integer", "abc", '"abc" is not a number'),
    ("integer", True, "TRUE is not a number"),
    ("integer", 1.5, "1.5 is not a whole number"),
    ("integer", 2147483648.0, "2147483648 is outside -2147483648 to 2147483647"),
    ("smallint", "40000", '"40000" is outside'),
    ("smallint", "1e999999", "is outside"),
    ("bigint", 9007199254740992.0, "more digits than a spreadsheet keeps"),
    ("bigint", "9223372036854775808", "is outside"),
    ("oid", -1.0, "is outside 0 to"),
    ("numeric(4,2)", 99.995, "99.995 is too large: this column has room for 4 digits, 2 of them after"),
    ("numeric(4,2)", -100.0, "too large"),
    ("numeric(3,-2)", 99950.0, "too large"),
    ("numeric(2,4)", 0.00995, "too large"),
    ("numeric(4,2)", "Infinity", "does not fit"),
    ("numeric", "1e200000", "more digits than the database keeps"),
    ("numeric", "1e-20000", "more digits than the database keeps"),
    ("numeric", "1,234.50", '"1,234.50" is not a number'),
    ("numeric", "12.5.1", "is not a number"),
    ("numeric", "#REF!", "is not a number"),
    ("double precision", "1e400", "too large or too small"),
    ("double precision", "1e-400", "too large or too small"),
    ("real", 1e39, "too large or too small"),
    ("real", 1e-60, "too large or too small"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_a_number_that_does_not_fit_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("pg_type", "pattern"),
    [("integer", "0"), ("numeric(10,2)", "0.00"), ("numeric(10)", "0"), ("numeric(5,-2)", "0")],
)
def test_a_column_is_formatted_by_its_scale(pg_type: str, pattern: str) -> None:
    assert _type(pg_type).number_format == NumberFormat("NUMBER", pattern)


def test_columns_without_a_scale_keep_the_automatic_format() -> None:
    assert [_type(t).number_format for t in ("numeric", "real", "double precision")] == [None, None, None]


@given(st.decimals(allow_nan=False, allow_infinity=False, places=None))
def test_a_decimal_survives_the_way_there_and_back(value: Decimal) -> None:
    if abs(value.adjusted()) > 10_000:
        return
    column = _type("numeric")
    cell = column.from_text(str(value))
    back = column.to_database(cell)
    assert back is not None and Decimal(back) == value
    assert column.from_cell(ObservedCell(cell, "any")) == cell


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_the_way_there_and_back(value: float) -> None:
    column = _type("double precision")
    cell = column.from_text(avro_text(value))
    assert float(column.to_database(cell) or "") == value
    assert column.from_cell(ObservedCell(cell, "any")) == cell


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_real_survives_and_has_no_more_digits_than_it_needs(value: float) -> None:
    column = _type("real")
    cell = column.from_text(avro_text(value))
    assert isinstance(cell, float)
    assert math.isclose(cell, value, rel_tol=1e-6, abs_tol=1e-44)
    assert column.from_text(column.to_database(cell)) == cell
    assert column.from_cell(ObservedCell(cell, "any")) == cell


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_bigint_survives_the_way_there_and_back(value: int) -> None:
    column = _type("bigint")
    cell = column.from_text(str(value))
    assert column.to_database(cell) == str(value)
    assert column.from_cell(ObservedCell(cell, "any")) == cell


@given(st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20) | st.booleans() | st.none())
@pytest.mark.parametrize("pg_type", ["integer", "numeric(10,2)", "double precision"])
def test_reading_a_cell_again_changes_nothing(pg_type: str, value: CellValue) -> None:
    column = _type(pg_type)
    once = column.from_cell(ObservedCell(value, "any"))
    assert column.from_cell(ObservedCell(once, "any")) == once
