"""What can only be shown is spelled one way, and no edit of it is taken."""

import pytest

from tabstream.core.cells import CellValue
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted


def _type(pg_type: str, labels: tuple[str, ...] = ()):
    return column_type(pg_type, nullable=True, zone="Europe/Berlin", labels=labels)


FROM_TEXT: list[tuple[str, str | None, CellValue]] = [
    ("bytea", "\\x00ff", "\\x00ff"),
    ("interval", "1 year 2 mons 3 days 04:05:06.789", "P1Y2M3DT4H5M6.789S"),
    ("interval", "P1Y2M3DT4H5M6.789S", "P1Y2M3DT4H5M6.789S"),
    ("interval", "-1 days +02:03:00", "P-1DT2H3M"),
    ("interval", "P0Y0M-1DT2H3M0S", "P-1DT2H3M"),
    ("interval", "-00:00:01.5", "PT-1.5S"),
    ("interval", "P0Y0M0DT0H0M-1.5S", "PT-1.5S"),
    ("interval", "1 mon", "P1M"),
    ("interval", "00:00:00", "PT0S"),
    ("interval", "P0Y0M0DT0H0M0S", "PT0S"),
    ("money", "-$1,234.50", "-1234.5"),
    ("money", "-1234.50", "-1234.5"),
    ("money", "1.234,50 €", "1234.5"),
    ("bit(4)", "0101", "0101"),
    ("hstore", '"b"=>NULL, "a"=>"1 \\"x\\""', '{"a": "1 \\"x\\"", "b": null}'),
    ("hstore", '{"b":null,"a":"1 \\"x\\""}', '{"a": "1 \\"x\\"", "b": null}'),
    ("hstore", "{broken", "{broken"),
    ("bit(4)", "\\xzz", "\\xzz"),
    ("bit(4)", "\\x05", "0101"),
    ("bit(1)", "true", "1"),
    ("bit varying(8)", "\\x05", "101"),
    ("point", "(1,2)", "(1,2)"),
]


@pytest.mark.parametrize(("pg_type", "text", "cell"), FROM_TEXT)
def test_database_text_becomes_a_cell(pg_type: str, text: str | None, cell: CellValue) -> None:
    assert _type(pg_type).from_text(text) == cell


TO_DATABASE_BAD: list[tuple[str, CellValue, str]] = [
    ("bytea", "\\x00", "values of type bytea can't be changed in the sheet"),
    ("interval", "1 day", "can't be changed"),
    ("tsvector", "a", "values of type tsvector"),
]


@pytest.mark.parametrize(("pg_type", "value", "reason"), TO_DATABASE_BAD)
def test_every_edit_is_refused_in_plain_words_bad(pg_type: str, value: CellValue, reason: str) -> None:
    with pytest.raises(NotAccepted) as refused:
        _type(pg_type).to_database(value)
    assert reason in refused.value.reason
