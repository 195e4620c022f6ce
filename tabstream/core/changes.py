"""One Debezium event, decoded into what the tab should show.

The envelope is described at https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-change-events-value
"""

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.cells import CellValue, RowKey, row_key
from tabstream.core.types.avro import UNAVAILABLE, avro_text, is_unavailable

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


class Missing(Enum):
    """A value that the event does not carry: an unchanged TOASTed column, or one that the schema lacks."""

    UNAVAILABLE = "unavailable"


RowValues: TypeAlias = Mapping[str, CellValue | Missing]


class Desired(NamedTuple):
    """What a row should show: `values` is None where the table has no such row.

    `partition` and `offset` are the position of the newest change that this includes; `lsn` is where in the write-ahead
    log it stands (None after a tombstone or an incremental snapshot), `tx_id` its transaction modulo 2^32. `of_snapshot`
    tells a row as a snapshot of the whole table found it, `of_increment` one of an incremental snapshot.
    """

    key: RowKey
    values: RowValues | None
    partition: int
    offset: int
    lsn: int | None = None
    tx_id: int | None = None
    committed_ms: int | None = None
    of_snapshot: bool = False
    of_increment: bool = False

    @property
    def is_tombstone(self) -> bool:
        """True for the message without a value that follows the event of a delete."""
        return self.values is None and self.lsn is None


def key_of(record: Mapping[str, Any], shape: TableShape) -> RowKey:
    """The row key in a decoded Kafka key, in the order of the primary key."""
    columns = shape.by_name
    return row_key([columns[name].type.from_text(avro_text(record[field_name(name)])) for name in shape.key])


@cache
def field_name(column: str) -> str:
    """The Avro field of a column, as Debezium's `field.name.adjustment.mode=avro` names it."""
    adjusted = _NOT_IN_NAMES.sub("_", column)
    return f"_{adjusted}" if adjusted[:1].isdigit() else adjusted


def desired_of(key: RowKey, envelope: Mapping[str, Any] | None, shape: TableShape, partition: int, offset: int) -> Desired:
    """What the newest message of a key asks for; a tombstone is None."""
    if envelope is None:
        return Desired(key, None, partition, offset)
    source = envelope["source"]
    is_read, in_parts = envelope.get("op") == "r", source.get("snapshot") == "incremental"
    tx_id = source.get("txId")
    after = envelope["after"]
    values = None if after is None else {c.name: _value(after, c) for c in shape.columns}
    return Desired(
        key,
        values,
        partition,
        offset,
        source.get("lsn"),
        None if tx_id is None else tx_id % 2**32,
        source.get("ts_ms"),
        is_read and not in_parts,
        is_read and in_parts,
    )


def _value(after: Mapping[str, Any], column: BoundColumn) -> CellValue | Missing:
    value = after.get(field_name(column.name), Missing.UNAVAILABLE)
    if isinstance(value, str) and value != UNAVAILABLE:  # most values are text
        return column.type.from_text(value)
    if value is Missing.UNAVAILABLE or is_unavailable(value):
        return Missing.UNAVAILABLE
    return column.type.from_text(avro_text(value))
