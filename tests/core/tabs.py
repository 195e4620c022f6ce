"""A small table and its tab, for tests of the decisions about them."""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from tabstream.core.binding import Binding, BoundColumn, TableShape
from tabstream.core.book import Book
from tabstream.core.cells import CellValue, ObservedCell, digest, row_key
from tabstream.core.changes import Desired
from tabstream.core.marks import Mark, MarkedCell, NewRow, encode_mark, mark_name
from tabstream.core.tab import ObservedRow
from tabstream.core.tabparts import Look, TabPlan
from tabstream.core.tabplan import plan_tab, recognise
from tabstream.core.types.factory import column_type


def column(name: str, pg_type: str, nullable: bool = True, default: bool = False) -> BoundColumn:
    """A bound column whose header is its name."""
    made = column_type(pg_type, nullable=nullable, zone="UTC")
    return BoundColumn(name, name, pg_type, made, nullable, default)


SHAPE = TableShape(
    (column("id", "bigint", False, True), column("name", "text", False), column("amount", "numeric(10,2)")), ("id",)
)
BINDING = Binding("leads", "public.leads", "sales", "S1", "Leads")


def key(number: int) -> str:
    """The row key of an id."""
    return row_key([float(number)])


def book() -> Book:
    """An empty book."""
    return Book(BINDING, SHAPE)


def desired(number: int, name: CellValue, amount: CellValue, offset: int, lsn: int = 0) -> Desired:
    """What a row should show."""
    return Desired(key(number), {"id": float(number), "name": name, "amount": amount}, 0, offset, lsn or offset)


def gone(number: int, offset: int) -> Desired:
    """A deleted row."""
    return Desired(key(number), None, 0, offset, offset)


def mark(number: int, name: CellValue, amount: CellValue, offset: int, numbers: Mapping[str, int] | None = None) -> Mark:
    """The mark of a row as it was written."""
    values: Mapping[str, CellValue] = {"id": float(number), "name": name, "amount": amount}
    cells = {c: MarkedCell(digest(v), (numbers or {}).get(c, 0)) for c, v in values.items()}
    return Mark(key(number), 0, offset, cells)


def row(
    index: int, number: CellValue, name: CellValue, amount: CellValue, made: Mark | NewRow | None = None, damaged: bool = False
) -> ObservedRow:
    """A row as it was read."""
    values: dict[str, CellValue] = {"id": number, "name": name, "amount": amount}
    cells = {c: ObservedCell(v, "" if v is None else str(v)) for c, v in values.items()}
    name = "" if made is None else mark_name(encode_mark(made))
    return ObservedRow(index, cells, values, made, damaged, None if number is None else row_key([number]), mark_name=name)


def tokens() -> Callable[[], str]:
    """Names of new rows, in order."""
    numbers = count(1)
    return lambda: f"new:{next(numbers)}"


def look(known: Book, rows: Sequence[ObservedRow], now_ms: int = 0) -> TabPlan:
    """A whole look at the tab, and what is done."""
    found = recognise(known, rows)
    return plan_tab(known, found, Look.WHOLE, now_ms, tokens(), 0)


def shown(*numbers: int) -> tuple[Book, list[ObservedRow]]:
    """A book and tab that agree on these rows."""
    made = book()
    rows = []
    for index, number in enumerate(numbers, 1):
        made.fold(key(number), 0, index, False)
        rows.append(row(index, float(number), "a", None, mark(number, "a", None, index)))
    return made, rows
