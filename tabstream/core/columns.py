"""How a table's columns differ from those that its tab was set up for."""

from collections.abc import Mapping
from dataclasses import dataclass

from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.types.base import DropDown


def described(column: BoundColumn) -> str:
    """What a column's cells and their format depend on, as kept in the watermark."""
    rule = column.type.validation
    labels = f" ({', '.join(rule.labels)})" if isinstance(rule, DropDown) else ""
    return f"{column.pg_type}{'' if column.nullable else ' not null'}{labels}"


def described_columns(shape: TableShape) -> dict[str, str]:
    """Every bound column by its header."""
    return {column.header: described(column) for column in shape.columns}


@dataclass(frozen=True, slots=True)
class ColumnChanges:
    """What is new, what is gone (headers), and what is another now."""

    added: tuple[BoundColumn, ...]
    dropped: tuple[str, ...]
    retyped: tuple[BoundColumn, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.dropped or self.retyped)


def column_changes(known: Mapping[str, str], shape: TableShape) -> ColumnChanges:
    """`known` are the columns of the watermark."""
    now = described_columns(shape)
    return ColumnChanges(
        added=tuple(c for c in shape.columns if c.header not in known),
        dropped=tuple(header for header in known if header not in now),
        retyped=tuple(c for c in shape.columns if known.get(c.header, now[c.header]) != now[c.header]),
    )
