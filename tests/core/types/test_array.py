"""An array is the same JSON text from PostgreSQL's literal and from Avro's array."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.avro import avro_text
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str, labels: tuple[str, ...] = ()):
    return column_type(pg_type, nullable=True, zone="Europe/Berlin", labels=labels)


FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("integer[]", "{1,2,NULL}", "[1, 2, null]"),
    ("integer[]", '["1", "2", null]', "[1, 2, null]"),
    ("integer[]", "{{1,2},{3,4}}", "[[1, 2], [3, 4]]"),
    ("integer[]", "[0:1]={7,8}", "[7, 8]"),
    ("integer[]", "{}", "[]"),
    ("bigint[]", "{9223372036854775807}", "[9223372036854775807]"),
    ("numeric(10,2)[]", "{1.10,NaN}", '[1.1, "NaN"]'),
    ("real[]", '["0.10000000149011612"]', "[0.1]"),
    ("boolean[]", "{t,f,NULL}", "[true, false, null]"),
    ("boolean[]", '["true", "false", null]', "[true, false, null]"),
    ("text[]", '{a,"b c","NULL",NULL,"",\\\\,"q\\"q"}', '["a", "b c", "NULL", null, "", "\\\\", "q\\"q"]'),
    ("character varying(10)[]", '{"a,b","{}"}', '["a,b", "{}"]'),
    ("text[]", "{}}0", "{}}0"),
    ("text[]", "{a,{", "{a,{"),
    ("date[]", "{2026-11-23,infinity}", '["2026-11-23", "infinity"]'),
    ("date[]", '["2026-11-23Z"]', '["2026-11-23"]'),
    ("timestamp[]", '{"2026-11-23 10:30:00"}', '["2026-11-23 10:30:00"]'),
    ("timestamptz[]", '["2026-11-23T09:30:00Z"]', '["2026-11-23 09:30:00+00"]'),
    ("uuid[]", "{6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11}", '["6f1b3c1e-8a3b-4a0e-9d3f-0a4f0e6b7c11"]'),
    ("jsonb[]", '{"{\\"a\\": 1}"}', '["{\\"a\\": 1}"]'),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    assert _type(pg_type).from_text(text) == cell


FROM_CELL: list[tuple[str, CellValue, CellValue]] = [
    ("integer[]", "[1,2]", "[1, 2]"),
    ("integer[]", '["1"]', "[1]"),
    ("integer[]", '["x"]', '["x"]'),
    ("integer[]", "1, 2", "1, 2"),
    ("text[]", "[1, true, null]", '["1", "true", null]'),
]


@pytest.mark.parametrize(("pg_type", "value", "cell"), FROM_CELL)
def test_a_cell_is_the_array_it_means(pg_type: str, value: CellValue, cell: CellValue) -> None:
    assert _type(pg_type).from_cell(ObservedCell(value, "shown otherwise")) == cell


TO_DATABASE: list[tuple[str, CellValue, str | None]] = [
    ("integer[]", "[1, 2, null]", '{"1","2",NULL}'),
    ("integer[]", "[]", "{}"),
    ("integer[]", "[[1], [2]]", '{{"1"},{"2"}}'),
    ("text[]", '["a\\"b", "c\\\\d", "", "NULL", null]', '{"a\\"b","c\\\\d","","NULL",NULL}'),
    ("boolean[]", "[true, false]", '{"true","false"}'),
    ("date[]", '["2026-11-23"]', '{"2026-11-23"}'),
]


@pytest.mark.parametrize(("pg_type", "value", "text"), TO_DATABASE)
def test_an_array_goes_to_the_database(pg_type: str, value: CellValue, text: str | None) -> None:
    assert _type(pg_type).to_database(value) == text


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("integer[]", "1, 2", "is not a JSON list"),
    ("integer[]", '{"a": 1}', "is not a JSON list"),
    ("integer[]", 1.0, "is not a JSON list"),
    ("integer[]", "[1, 1.5]", "1.5 is not a whole number"),
    ("integer[]", "[1, [2]]", "different lengths"),
    ("integer[]", "[[1], [2, 3]]", "different lengths"),
    ("text[]", "{}}0", "is not a JSON list"),
    ("varchar(2)[]", '["abc"]', "too long"),
    ("bytea[]", '["\\\\x00"]', "can't be changed"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_what_is_no_array_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason


def test_an_array_of_an_enum_takes_its_labels_only() -> None:
    moods = _type("mood[]", labels=("sad", "happy"))
    assert moods.from_text("{sad,happy}") == '["sad", "happy"]'
    assert moods.to_database('["sad"]') == '{"sad"}'
    with pytest.raises(NotAccepted, match='"glad" is not one of'):
        moods.to_database('["glad"]')


def _quoted(items: list[str | None]) -> str:
    escaped = (None if i is None else i.replace("\\", "\\\\").replace('"', '\\"') for i in items)
    return "{" + ",".join("NULL" if i is None else f'"{i}"' for i in escaped) + "}"


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), max_size=4))
def test_an_array_of_texts_is_the_same_cell_from_both_sides(items: list[str | None]) -> None:
    column = _type("text[]")
    cell = column.from_text(_quoted(items))
    assert cell == column.from_text(avro_text(items)) == json.dumps(items, ensure_ascii=False)
    assert column.to_database(cell) == _quoted(items)
    assert column.from_cell(ObservedCell(cell, str(cell))) == cell


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.none(), max_size=4))
def test_an_array_of_doubles_is_the_same_cell_from_both_sides(items: list[float | None]) -> None:
    column = _type("double precision[]")
    cell = column.from_text(avro_text(items))
    assert column.from_text(column.to_database(cell)) == cell
    assert column.from_cell(ObservedCell(cell, str(cell))) == cell
