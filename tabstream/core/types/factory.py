"""From PostgreSQL's name of a type to what tabstream does with it."""

import re
from collections.abc import Mapping

from tabstream.core.types import boolean, json, numeric, other, temporal, text
from tabstream.core.types.array import Array
from tabstream.core.types.base import Builder, ColumnType, PgType
from tabstream.core.types.enum import enum_type

_BUILDERS: Mapping[str, Builder] = {
    **numeric.BUILDERS,
    **text.BUILDERS,
    **boolean.BUILDERS,
    **temporal.BUILDERS,
    **json.BUILDERS,
    **other.BUILDERS,
}
_ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "smallserial": "smallint",
    "serial": "integer",
    "bigserial": "bigint",
    "decimal": "numeric",
    "float4": "real",
    "float8": "double precision",
    "float": "double precision",
    "varchar": "character varying",
    "char": "character",
    "bool": "boolean",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
_SPELLED = re.compile(r"(?P<name>[^()\[\]]+)(?:\((?P<modifiers>[^()]*)\))?(?P<rest>[^()\[\]]*)(?P<array>(?:\[\d*\])*)")

TYPE_NAMES = tuple(sorted({*_BUILDERS, *_ALIASES}))


def column_type(
    pg_type: str, *, nullable: bool, zone: str, labels: tuple[str, ...] = (), read_only: bool = False
) -> ColumnType:
    """The column type for a type as `format_type` or a person spells it, such as `numeric(10,2)`, `varchar(20)[]`.

    `labels` are an enum's labels (of the elements, for an array of enums); `zone` is the spreadsheet's IANA zone. A
    type that is not known is shown as text and read-only. Raises BindingProblem for a zone that is not known here.
    """
    spelled = _SPELLED.fullmatch(pg_type.strip())
    if not spelled:
        return other.other_type(PgType(pg_type.strip()))
    spec = PgType(_name(spelled), _modifiers(spelled["modifiers"]), nullable, zone, labels, read_only)
    builder = enum_type if labels else _BUILDERS.get(spec.name, other.other_type)
    column = builder(spec)
    return Array(column, read_only) if spelled["array"] else column


def is_known(pg_type: str) -> bool:
    """True for a type that has a family of its own, arrays of it included."""
    spelled = _SPELLED.fullmatch(pg_type.strip())
    return spelled is not None and _name(spelled) in _BUILDERS


def _name(spelled: re.Match[str]) -> str:
    name = " ".join((spelled["name"] + " " + spelled["rest"]).split())
    unqualified = name.lower().rpartition(".")[2]
    return _ALIASES.get(unqualified, unqualified)


def _modifiers(text: str | None) -> tuple[int, ...]:
    parts = [part.strip() for part in (text or "").split(",")]
    return tuple(int(part) for part in parts if re.fullmatch(r"-?\d+", part))
