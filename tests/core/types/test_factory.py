"""Names of types, as PostgreSQL and people spell them."""

import pytest

from tabstream.core.types.factory import column_type, is_known
from tabstream.errors import BindingProblem


def _type(pg_type: str, labels: tuple[str, ...] = ()):
    return column_type(pg_type, nullable=True, zone="Europe/Berlin", labels=labels)


@pytest.mark.parametrize("pg_type", ["bytea", "interval", "money", "bit(3)", "point", "bytea[]", "no such type", "((("])
def test_what_has_no_way_back_is_read_only(pg_type: str) -> None:
    assert _type(pg_type).read_only


@pytest.mark.parametrize("pg_type", ["integer", "text", "date", "jsonb", "integer[]", "boolean", "uuid"])
def test_a_column_is_read_only_if_the_binding_says_so(pg_type: str) -> None:
    assert not _type(pg_type).read_only
    assert column_type(pg_type, nullable=True, zone="Etc/GMT", read_only=True).read_only


def test_the_types_that_a_binding_may_name() -> None:
    assert all(is_known(t) for t in ("text", "varchar(20)", "numeric(10, 2)", "timestamp(3) with time zone", "int[]"))
    assert not any(is_known(t) for t in ("texd", "", "(5)", "numeric(10"))


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("int8", "bigint"),
        ("decimal(5, 2)", "numeric(5,2)"),
        ("varchar(3)", "character varying(3)"),
        ("char(3)", "character(3)"),
        ("timestamptz(3)", "timestamp(3) with time zone"),
        ("TIMETZ", "time with time zone"),
        ("float8[]", "double precision[][]"),
    ],
)
def test_short_names_mean_the_same(short: str, long: str) -> None:
    assert _type(short) == _type(long)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_zone_that_is_not_known_pauses_the_binding_with_a_remedy_bad(zone: str) -> None:
    with pytest.raises(BindingProblem, match=r"time zone .* is not known here: choose another one"):
        column_type("timestamptz", nullable=True, zone=zone)
