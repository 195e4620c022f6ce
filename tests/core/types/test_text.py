"""Text is what a person sees, whole or marked as cut, and never longer than its column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import MAX_CELL_CHARACTERS, CellValue, ObservedCell
from tabstream.core.types.base import CheckBox, ColumnType, DropDown, NumberFormat
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str, **more: object) -> ColumnType:
    options = {"nullable": True, "zone": "Etc/GMT"} | more
    return column_type(pg_type, **options)  # type: ignore[arg-type]


FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("text", None, None),
    ("text", "", None),
    ("text", "  two blanks  ", "  two blanks  "),
    ("text", "=1+2", "=1+2"),
    ("text", "a\r\nb\rc\nd", "a\nb\nc\nd"),
    ("text", "tab\tbell\x07", "tab\tbell"),
    ("text", "žluťoučký 🐎", "žluťoučký 🐎"),
    ("character(5)", "ab   ", "ab"),
    ("character(5)", "     ", None),
    ("character varying(5)", "ab   ", "ab   "),
    ("citext", "MiXed", "MiXed"),
    ("public.citext", "MiXed", "MiXed"),
    ("uuid", "6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11", "6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11"),
    ("inet", "192.168.0.1/32", "192.168.0.1"),
    ("inet", "192.168.0.1", "192.168.0.1"),
    ("inet", "10.0.0.1/8", "10.0.0.1/8"),
    ("inet", "2001:db8::1/128", "2001:db8::1"),
    ("inet", "::/128", "::"),
    ("cidr", "10.0.0.1/32", "10.0.0.1/32"),
    ("boolean", "t", True),
    ("boolean", "false", False),
    ("boolean", None, None),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    assert _type(pg_type).from_text(text) == cell


FROM_CELL: list[tuple[str, CellValue, str, CellValue]] = [
    ("text", "as typed", "as typed", "as typed"),
    ("text", 7.0, "007", "007"),
    ("text", True, "TRUE", "TRUE"),
    ("text", 46349.0, "2026-11-23", "2026-11-23"),
    ("text", 7.0, "", "7"),
    ("text", False, "", "FALSE"),
    ("text", None, "", None),
    ("character(5)", "ab  ", "ab  ", "ab"),
    ("boolean", True, "TRUE", True),
    ("boolean", "yes", "yes", "yes"),
    ("boolean", 1.0, "1", 1.0),
]


@pytest.mark.parametrize(("pg_type", "value", "shown", "cell"), FROM_CELL)
def test_a_text_cell_is_what_it_shows(pg_type: str, value: CellValue, shown: str, cell: CellValue) -> None:
    found = _type(pg_type).from_cell(ObservedCell(value, shown))
    assert (type(found), found) == (type(cell), cell)


TO_DATABASE: list[tuple[str, CellValue, str | None]] = [
    ("text", None, None),
    ("text", "007", "007"),
    ("text", 7.0, "7"),
    ("character varying(5)", "🐎🐎🐎🐎🐎", "🐎🐎🐎🐎🐎"),
    ("character(2)", "ab   ", "ab"),
    ("uuid", " 6F1B3C1E-8A3B-4A0E-9D3F-0A4F0E6B7C11 ", "6F1B3C1E-8A3B-4A0E-9D3F-0A4F0E6B7C11"),
    ("inet", "10.0.0.1/8", "10.0.0.1/8"),
    ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("macaddr", "08-00-2b-01-02-03", "08-00-2b-01-02-03"),
    ("macaddr8", "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
    ("boolean", None, None),
    ("boolean", True, "true"),
    ("boolean", "Yes", "true"),
    ("boolean", " off ", "false"),
    ("boolean", "T", "true"),
    ("boolean", 0.0, "false"),
    ("boolean", "1", "true"),
]


@pytest.mark.parametrize(("pg_type", "value", "text"), TO_DATABASE)
def test_a_text_goes_to_the_database(pg_type: str, value: CellValue, text: str | None) -> None:
    assert _type(pg_type).to_database(value) == text


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("character varying(5)", "ab    ", "too long: 6 characters, and this column holds 5"),
    ("character(2)", "abc", "too long"),
    ("character", "ab", "too long: 2 characters, and this column holds 1"),
    ("name", "ž" * 32, "longer than 63 bytes"),
    ("uuid", "abc", '"abc" is not a UUID'),
    ("inet", "10.0.0.256", "is not a network address"),
    ("cidr", "10.0.0.1/8", "is not a network such as"),
    ("macaddr", "08:00", "is not a device address"),
    ("boolean", "maybe", '"maybe" is not TRUE or FALSE'),
    ("boolean", 2.0, "2 is not TRUE or FALSE"),
    ("uuid", "x" * 100, "…"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_a_text_that_does_not_fit_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason


@pytest.mark.parametrize("letter", ["a", "ž", "🐎"])
@pytest.mark.parametrize("pg_type", ["text", "jsonb", "bytea", "text[]"])
def test_a_text_too_long_for_a_cell_is_cut_and_says_so(pg_type: str, letter: str) -> None:
    cell = _type(pg_type).from_text(letter * 61_234)
    assert isinstance(cell, str)
    assert cell.endswith("… [cut by tabstream: 61,234 characters]")
    assert len(cell.encode("utf-16-le")) // 2 in (MAX_CELL_CHARACTERS, MAX_CELL_CHARACTERS - 1)
    assert _type(pg_type).from_cell(ObservedCell(cell, cell)) == cell


def test_the_longest_text_that_fits_is_not_cut() -> None:
    assert _type("text").from_text("a" * MAX_CELL_CHARACTERS) == "a" * MAX_CELL_CHARACTERS


@pytest.mark.parametrize("pg_type", ["text", "character varying", "jsonb", "integer[]", "uuid", "numeric", "date"])
def test_a_cut_text_cannot_be_saved(pg_type: str) -> None:
    cut = _type("text").from_text("a" * 60_000)
    assert isinstance(cut, str)
    with pytest.raises(NotAccepted, match="is cut"):
        _type(pg_type).to_database("edited " + cut)


def test_an_enum_offers_its_labels_and_takes_no_other() -> None:
    mood = _type("mood", labels=("sad", "1-2", "happy"))
    assert mood.validation == DropDown(("sad", "1-2", "happy"))
    assert mood.from_text("happy") == "happy"
    assert mood.from_cell(ObservedCell(46024.0, "1-2")) == "1-2"
    assert mood.to_database(" happy ") == "happy"
    with pytest.raises(NotAccepted, match='"glad" is not one of: sad, 1-2, happy'):
        mood.to_database("glad")


def test_a_check_box_only_where_a_cell_is_never_empty() -> None:
    assert _type("boolean", nullable=False).validation == CheckBox()
    assert _type("boolean").validation == DropDown(("TRUE", "FALSE"))


def test_text_columns_are_plain_text_so_that_nothing_is_made_of_what_is_typed() -> None:
    plain = NumberFormat("TEXT", "@")
    kinds = [_type(t) for t in ("text", "varchar(5)", "uuid", "jsonb", "int[]", "bytea")] + [_type("mood", labels=("a",))]
    assert {kind.number_format for kind in kinds} == {plain}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40))
@pytest.mark.parametrize("pg_type", ["text", "character(40)", "citext", "xml"])
def test_text_survives_the_way_there_and_back(pg_type: str, text: str) -> None:
    column = _type(pg_type)
    cell = column.from_text(text)
    assert column.from_text(column.to_database(cell)) == cell
    assert column.from_cell(ObservedCell(cell, str(cell))) == cell


@given(st.one_of(st.uuids().map(str), st.ip_addresses().map(str)))
def test_checked_text_survives_the_way_there_and_back(text: str) -> None:
    column = _type("uuid" if text.count("-") == 4 else "inet")
    cell = column.from_text(text)
    assert cell == text == column.to_database(cell)
    assert column.from_cell(ObservedCell(cell, text)) == cell
