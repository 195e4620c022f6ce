"""One canonical envelope out of every form in which Debezium may have written a change. Pure.

The forms: its own envelope, and the bare row that ExtractNewRecordState makes of it; each with values as any of the
connector's settings writes them. What would lose something, or can't be told from something else, is refused by name.
https://debezium.io/documentation/reference/stable/transformations/event-flattening.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.changes import field_name
from tabstream.core.semantic import DURATIONS, MILLISECONDS, NANOSECONDS, Convert, Kind, conversions, converted
from tabstream.errors import FormRefused, UnknownForm

Envelope: TypeAlias = Mapping[str, Any]

# How ExtractNewRecordState names what `add.fields` keeps: the prefix `__`, and `source_` where the setting says so.
_META = {"lsn": ("__source_lsn", "__lsn"), "txId": ("__source_txId", "__txId"), "ts_ms": ("__source_ts_ms", "__ts_ms")}
_META["snapshot"] = ("__source_snapshot", "__snapshot")
_CLOUD_EVENT = {"id", "source", "specversion", "type"}
_EXACT_DIGITS = 15  # a double keeps every decimal of so many digits
_MILLISECOND_DIGITS = 3
_NOT_WORD = re.compile(r"[^A-Za-z0-9]")
_PRECISION = re.compile(r"\((-?\d+)")
_TIME_TYPES = ("timestamp", "time", "date")
_ANEW = "and have the table snapshotted anew"


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What is done to each row of one schema: fields that get another name, values that are converted, and columns whose
    values are looked at because no schema says what they are."""

    renames: Mapping[str, str] = field(default_factory=dict)
    converts: Mapping[str, Convert] = field(default_factory=dict)
    checks: Mapping[str, "Check"] = field(default_factory=dict)

    def row(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row with texts of PostgreSQL, by the names of `field_name`. Raises FormRefused, ValueError or TypeError."""
        if self.renames:
            row = {self.renames.get(name, name): value for name, value in row.items()}
        for name, check in self.checks.items():
            check(row.get(name))
        return converted(row, self.converts)


Check: TypeAlias = Callable[[Any], None]


def row_kinds(kind: Kind) -> Mapping[str, Kind]:
    """The kinds of the row's fields in the schema of a change, whether it is an envelope or flattened."""
    after = kind.fields.get("after")
    return after.fields if after is not None and after.fields and "op" in kind.fields else kind.fields


def plan_row(fields: "Mapping[str, Kind] | None", names: "set[str] | None", shape: TableShape | None, topic: str) -> RowPlan:
    """What is done to rows of this schema; `fields` is None where messages carry none, `names` are the row's fields.

    Raises FormRefused for a column of `shape` whose values would lose something on this way.
    """
    renames = _renames(names, shape) if names is not None and shape is not None else {}
    if fields is None:
        checks = {} if shape is None else dict(_checks(shape, topic))
        return RowPlan(renames, {}, checks)
    fields = {renames.get(name, name): kind for name, kind in fields.items()}
    for column in shape.columns if shape is not None else ():
        kind = fields.get(field_name(column.name))
        if kind is not None:
            _refuse_lossy(column, kind, topic)
    return RowPlan(renames, conversions(fields))


GONE: Envelope = {"op": "d", "before": None, "after": None, "source": {}}
"""The envelope of a message whose value is null, though it is there."""


def is_envelope(decoded: Any) -> bool:
    """True for Debezium's own envelope."""
    return (
        isinstance(decoded, Mapping)
        and isinstance(decoded.get("op"), str)
        and "after" in decoded
        and isinstance(decoded.get("source"), Mapping)
    )


def converted_envelope(envelope: Mapping[str, Any], plan: RowPlan) -> Envelope:
    """Debezium's own envelope with its rows converted. Raises as `RowPlan.row` does."""
    if not (plan.renames or plan.converts or plan.checks):
        return envelope
    rows = {name: envelope.get(name) for name in ("before", "after")}
    return {**envelope, **{name: None if row is None else plan.row(row) for name, row in rows.items()}}


def envelope_of_row(decoded: Mapping[str, Any], plan: RowPlan) -> Envelope:
    """The envelope of a flattened row: `op`, `before`, `after`, and `source` with lsn, txId, ts_ms and snapshot.

    It says what it was only where the transformation was told to keep that; else it counts as an update. Raises as
    `RowPlan.row` does.
    """
    deleted = str(decoded.get("__deleted")).lower() == "true"
    source = {name: _first(decoded, places) for name, places in _META.items()}
    for name in ("lsn", "txId", "ts_ms"):
        source[name] = None if source[name] is None else int(source[name])
    op = decoded.get("__op") or ("d" if deleted else "u")
    row = {name: value for name, value in decoded.items() if not name.startswith("__")}
    return {"op": op, "before": None, "after": None if deleted or op == "d" else plan.row(row), "source": source}


def refuse_foreign(decoded: Any, shape: TableShape | None) -> None:
    """Raises UnknownForm for what is no envelope and no row of the table either."""
    if shape is None:
        return
    if not isinstance(decoded, Mapping):
        raise UnknownForm("single values instead of rows", "take ExtractField out of the connector's transforms")
    if decoded.keys() >= _CLOUD_EVENT and "specversion" not in shape.by_name:
        raise UnknownForm("CloudEvents", "use an Avro converter or the JsonConverter instead of the CloudEventsConverter")
    if not any(name in decoded for column in shape.columns for name in _spellings(column.name)):
        shown = ", ".join(sorted(map(str, decoded))[:8]) or "none"
        raise UnknownForm(
            f"neither Debezium's envelopes nor rows of this table: the fields are {shown}",
            "name the table's own topic in the binding (`topic`)",
        )


def key_record(decoded: Any, shape: TableShape) -> Mapping[str, Any]:
    """The key as a record with all columns of the primary key; a bare value is that of its only column. Raises UnknownForm."""
    if not isinstance(decoded, Mapping):
        if len(shape.key) == 1 and decoded is not None and not isinstance(decoded, list):
            return {field_name(shape.key[0]): decoded}
        raise UnknownForm(f"keys of one value, where the primary key is {', '.join(shape.key)}", KEYS)
    missing = [name for name in shape.key if not any(spelled in decoded for spelled in _spellings(name))]
    if missing:
        has = ", ".join(map(str, decoded)) or "nothing"
        raise UnknownForm(f"keys without {', '.join(missing)}, which the primary key has: they hold {has}", KEYS)
    return decoded


KEYS = "have the connector key the topic by the table's primary key: no message.key.columns, no ValueToKey"


def _renames(names: set[str], shape: TableShape) -> dict[str, str]:
    """Fields of columns that the connector's `field.name.adjustment.mode` names otherwise than ours does."""
    found = {}
    for column in shape.columns:
        wanted = field_name(column.name)
        there = next((name for name in _spellings(column.name) if name in names), wanted)
        if there != wanted:
            found[there] = wanted
    return found


@cache
def _spellings(column: str) -> tuple[str, ...]:
    # none and avro; avro_unicode writes each other character, _ too, as its code point
    unicode = _NOT_WORD.sub(lambda found: f"_u{ord(found[0]):04x}", column)
    return field_name(column), column, unicode


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _refuse_lossy(column: BoundColumn, kind: Kind, topic: str) -> None:
    kind = _innermost(kind)
    if kind.name in DURATIONS:
        raise _durations(column, topic)
    if kind.name in MILLISECONDS and _time_digits(column) > _MILLISECOND_DIGITS:
        raise FormRefused(
            f"topic {topic!r} carries column {column.name!r} ({column.pg_type}) cut to milliseconds "
            "(time.precision.mode=connect)",
            f"set time.precision.mode=isostring or adaptive in the connector {_ANEW}{_or_leave_out(column)}",
        )
    if kind.name == NANOSECONDS:
        raise FormRefused(
            f"topic {topic!r} carries column {column.name!r} in nanoseconds (time.precision.mode=nanoseconds), in which times "
            "before 1677 and after 2262 are lost",
            f"set time.precision.mode=isostring or microseconds in the connector {_ANEW}{_or_leave_out(column)}",
        )
    if kind.type in ("double", "float64", "float") and not _fits_double(column):
        raise _doubles(column, topic)
    if _is(column, "bytea") and kind.type == "string":
        raise _binaries(column, topic)


def _checks(shape: TableShape, topic: str) -> Iterator[tuple[str, Check]]:
    """By field, what tells from a value of JSON without a schema that the column can't be read."""
    for column in shape.columns:
        check = _check(column, topic)
        if check is not None:
            yield field_name(column.name), check


def _check(column: BoundColumn, topic: str) -> Check | None:
    def refuse(refused: Callable[[BoundColumn, str], FormRefused], is_bad: Callable[[Any], bool]) -> Check:
        def check(value: Any) -> None:
            if any(map(is_bad, _leaves(value))):
                raise refused(column, topic)

        return check

    if _is(column, "interval"):
        return refuse(_durations, _is_number)
    if column.pg_type.startswith(_TIME_TYPES) or _is(column, *_TIME_TYPES):
        return refuse(_bare_times, _is_number)
    if _is(column, "numeric"):
        doubtful = not _fits_double(column)
        numbers = refuse(_doubles, _is_number) if doubtful else None
        texts = refuse(_bare_decimals, _is_no_decimal)

        def check(value: Any) -> None:
            texts(value)
            if numbers is not None:
                numbers(value)

        return check
    if _is(column, "bytea", "bit", "bit varying"):
        return refuse(_bare_bytes, lambda value: isinstance(value, str))
    return None


def _bare_times(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries column {column.name!r} ({column.pg_type}) as a number in JSON without schemas: its unit "
        "can't be told",
        f"set time.precision.mode=isostring in the connector {_ANEW}, or schemas.enable=true in its JsonConverter"
        f"{_or_leave_out(column)}",
    )


def _bare_decimals(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries decimals as bytes (decimal.handling.mode=precise) in JSON without schemas: column "
        f"{column.name!r}",
        f"set decimal.handling.mode=string in the connector {_ANEW}, or schemas.enable=true in its JsonConverter",
    )


def _bare_bytes(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries bytes as text in JSON without schemas: column {column.name!r} ({column.pg_type})",
        f"set schemas.enable=true in the connector's JsonConverter, with binary.handling.mode=bytes{_or_leave_out(column)}",
    )


def _binaries(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries bytea as text (binary.handling.mode=base64 or hex): column {column.name!r}",
        f"set binary.handling.mode=bytes in the connector {_ANEW}{_or_leave_out(column)}",
    )


def _doubles(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries column {column.name!r} ({column.pg_type}) as a double, which loses digits "
        "(decimal.handling.mode=double)",
        f"set decimal.handling.mode=string or precise in the connector {_ANEW}{_or_leave_out(column)}",
    )


def _durations(column: BoundColumn, topic: str) -> FormRefused:
    return FormRefused(
        f"topic {topic!r} carries column {column.name!r} as a number of microseconds, in which months are not kept "
        "(interval.handling.mode=numeric)",
        f"set interval.handling.mode=string in the connector {_ANEW}{_or_leave_out(column)}",
    )


def _or_leave_out(column: BoundColumn) -> str:
    return f"; or leave column {column.name!r} out of the binding"


def _innermost(kind: Kind) -> Kind:
    while kind.items is not None:
        kind = kind.items
    return kind


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def _is(column: BoundColumn, *names: str) -> bool:
    return column.pg_type.partition("(")[0].partition("[")[0].strip() in names


def _time_digits(column: BoundColumn) -> int:
    """How many digits of a second the column keeps; PostgreSQL's six where its type does not say."""
    if column.pg_type.startswith("date"):
        return 0
    said = _PRECISION.search(column.pg_type)
    return int(said[1]) if said else 6


def _fits_double(column: BoundColumn) -> bool:
    if not _is(column, "numeric"):
        return True
    said = _PRECISION.search(column.pg_type)
    return said is not None and int(said[1]) <= _EXACT_DIGITS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_DECIMAL_TEXT = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|[+-]?infinity|(positive|negative)_infinity|__debezium_unavailable_value",
    re.IGNORECASE,
)


def _is_no_decimal(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, str) and not _DECIMAL_TEXT.fullmatch(value))
