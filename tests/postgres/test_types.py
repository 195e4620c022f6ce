"""What the column types say of PostgreSQL holds in PostgreSQL: no value changes on the way to a cell and back."""

import random

import psycopg
import pytest

from tabstream.core.cells import ObservedCell
from tabstream.core.types.factory import column_type
from tabstream.errors import NotAccepted
from tabstream.postgres.connection import Connection

INSTANT = "'1900-01-01'::timestamp + (random() * 4e6 - 8e5) * interval '1 day'"
TIME = "(random() * 86400 * interval '1 second')::time"
RANDOM_VALUES = [
    ("smallint", "(random() * 60000 - 30000)::int"),
    ("integer", "(random() * 4e9 - 2e9)::bigint"),
    ("bigint", "(random() * 18e18 - 9e18)::numeric::bigint"),
    ("numeric", "(random() * power(10, random() * 40 - 20))::numeric * random()::numeric"),
    ("numeric(10,2)", "(random() * 1e8)::numeric"),
    ("numeric(30,12)", "(random() * 1e8)::numeric * random()::numeric * 1e9::numeric"),
    ("real", "(random() - 0.5) * power(10, random() * 70 - 35)"),
    ("double precision", "(random() - 0.5) * power(10, random() * 600 - 300)"),
    ("boolean", "random() < 0.5"),
    ("date", "'0001-01-01'::date + (random() * 5000000 - 1700000)::int"),
    ("time", TIME),
    ("time(3)", TIME),
    ("timestamp", INSTANT),
    ("timestamp(3)", INSTANT),
    ("timestamptz", INSTANT),
    ("timestamptz(0)", INSTANT),
    ("uuid", "gen_random_uuid()"),
    ("inet", "'10.0.0.0'::inet + (random() * 1e6)::int"),
    ("cidr", "set_masklen('10.0.0.0'::inet + (random() * 1e6)::int, 32)::cidr"),
    ("jsonb", "jsonb_build_object('b', random(), 'aa', array[1, 2], 'c', null, 'a', E'x\\t\"' || random())"),
    ("char(12)", "left(random()::text, 8)"),
    ("varchar(30)", "random()::text"),
    ("integer[]", "array[1, null, (random() * 1000)::int]"),
    ("text[]", "array['a \"q\" \\ , {', null, '', 'NULL', random()::text]"),
    ("numeric[]", "array[[random(), 1.10], [2, 'NaN']]::numeric[]"),
    ("double precision[]", "array[random(), 'Infinity', 1e300]"),
    ("timestamptz[]", "array[now(), 'infinity']"),
]
EXTREMES = [
    ("timestamptz", "infinity"),
    ("timestamptz", "4714-11-24 00:00:00+00 BC"),
    ("timestamptz", "294276-12-31 23:59:59.999999+00"),
    ("timestamptz", "2026-10-25 00:30:00+00"),
    ("timestamptz", "2026-10-25 01:30:00+00"),
    ("timestamp", "-infinity"),
    ("timestamp", "294276-12-31 23:59:59.999999"),
    ("date", "4714-11-24 BC"),
    ("date", "5874897-12-31"),
    ("time", "24:00:00"),
    ("real", "NaN"),
    ("real", "1e-45"),
    ("real", "3.4028235e38"),
    ("double precision", "5e-324"),
    ("double precision", "1.7976931348623157e308"),
    ("numeric", "NaN"),
    ("numeric", "1e131071"),
    ("numeric", "1e-16383"),
]


@pytest.mark.parametrize(("pg_type", "expression"), RANDOM_VALUES)
def test_a_value_comes_back_equal(database: Connection, pg_type: str, expression: str) -> None:
    database.execute("SET timezone = 'Asia/Kolkata'")
    rows = database.execute(f"SELECT (({expression})::{pg_type})::text FROM generate_series(1, 100)").fetchall()
    for (text,) in rows:
        _comes_back_equal(database, pg_type, text)


@pytest.mark.parametrize(("pg_type", "text"), EXTREMES)
def test_an_extreme_value_comes_back_equal(database: Connection, pg_type: str, text: str) -> None:
    (printed,) = database.execute(f"SELECT (%s::{pg_type})::text", (text,)).fetchone()
    _comes_back_equal(database, pg_type, printed)


@pytest.mark.parametrize(("precision", "scale"), [(4, 2), (5, 0), (15, 7)])
def test_a_number_is_refused_where_the_database_refuses_it(database: Connection, precision: int, scale: int) -> None:
    pg_type, dice = f"numeric({precision},{scale})", random.Random(precision)
    column = column_type(pg_type, nullable=True, zone="Etc/GMT")
    edge = 10 ** (precision - scale)
    near = [edge - part * 10**-scale for part in (0.5, 0.51, 0.49, 0.4999, 0.50001)]
    for value in [*near, *(round(dice.uniform(-2, 2) * edge, dice.randint(0, 8)) for _ in range(100))]:
        cell = column.from_cell(ObservedCell(float(value)))
        try:
            text = column.to_database(cell)
        except NotAccepted:
            with pytest.raises(psycopg.errors.NumericValueOutOfRange):
                database.execute(f"SELECT %s::{pg_type}", (repr(cell),))
        else:
            database.execute(f"SELECT %s::{pg_type}", (text,))


def _comes_back_equal(database: Connection, pg_type: str, text: str) -> None:
    column = column_type(pg_type, nullable=True, zone="Europe/Berlin")
    cell = column.from_text(text)
    assert column.from_cell(ObservedCell(cell, str(cell))) == cell
    literal = column.to_database(cell)
    row = database.execute(f"SELECT %s::{pg_type} = %s::{pg_type}, (%s::{pg_type})::text", (literal, text, literal))
    equal, printed = row.fetchone()
    assert equal, (text, cell, literal)
    assert column.from_text(printed) == cell
