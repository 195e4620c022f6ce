"""First contact: a tab that has rows of its own meets a table. What differs, and what makes the tab one that an owner knows.

Rows are matched by key. A value counts as the table would store it: `yes` is TRUE, and `1.50` is 1.5. The operator names
a side for each kind of difference. What follows is told to the owner by marks alone:

1. Cells that are equal, or get the table's value: the mark has the digest of what stands there, so it is nobody's edit.
2. Cells that keep the sheet's value: the mark has the digest of the table's value, so that they are edits, as if typed now.
3. Rows that are to be saved: no mark, as a person's new row has none.
4. Rows that are to be taken away: a mark that nothing in the topic explains.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tabstream.core.audit import Finding, Kind, compare
from tabstream.core.binding import Binding, BoundColumn, Direction, TableShape
from tabstream.core.cells import CellValue, ObservedCell, RowKey, digest, row_key, same
from tabstream.core.changes import RowValues
from tabstream.core.guard import is_mass
from tabstream.core.marks import Mark, MarkedCell
from tabstream.core.merge import database_text
from tabstream.core.tab import ObservedRow, read_headers
from tabstream.errors import NotAccepted

_NOWHERE = -1  # no message of the topic is shown yet


class OnlyInSheet(StrEnum):
    """What becomes of rows that only the tab has."""

    REFUSE = "refuse"
    INSERT = "insert"
    REMOVE = "remove"


class OnlyInTable(StrEnum):
    """What becomes of rows that only the table has."""

    REFUSE = "refuse"
    SHOW = "show"
    DELETE = "delete"


class Differing(StrEnum):
    """Whose value stays where both have the row."""

    REFUSE = "refuse"
    TABLE = "table"
    SHEET = "sheet"


class Missing(StrEnum):
    """What becomes of columns that the tab has no header for."""

    REFUSE = "refuse"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator has named; REFUSE where nothing was."""

    only_in_sheet: OnlyInSheet = OnlyInSheet.REFUSE
    only_in_table: OnlyInTable = OnlyInTable.REFUSE
    differing: Differing = Differing.REFUSE
    missing: Missing = Missing.REFUSE


@dataclass(frozen=True, slots=True)
class Question:
    """What keeps the tab from being bound, and what the operator can do about it."""

    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the bound columns stand (0-based) by name, those without a header, and the headers that stand twice."""

    places: Mapping[str, int]
    missing: tuple[BoundColumn, ...]
    doubled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """What a tab and a table have of each other. Rows are 0-based indexes of the tab.

    `rows` are the tab's rows that have something in a bound cell, as they were read; `keys` are their keys as the table spells
    them, None where a key cell is empty. `differing` and `formulas` are cells; a formula's differs and is not synced.
    """

    shape: TableShape
    rows: Mapping[int, ObservedRow]
    keys: Mapping[int, RowKey | None]
    equal: int
    table_rows: int
    only_in_sheet: tuple[int, ...]
    only_in_table: tuple[RowKey, ...]
    differing: tuple[Finding, ...]
    formulas: tuple[Finding, ...]
    doubled: Mapping[RowKey, tuple[int, ...]]

    @property
    def keyless(self) -> tuple[int, ...]:
        """The rows without a key; they are among those that only the sheet has."""
        return tuple(row for row, key in self.keys.items() if key is None)

    @property
    def differing_rows(self) -> int:
        """How many rows both sides have with different values."""
        return len({finding.key for finding in self.differing})

    def differing_by_column(self) -> dict[str, list[Finding]]:
        """The differing cells by column, in the order of the columns."""
        found = {column.name: [f for f in self.differing if f.column == column.name] for column in self.shape.columns}
        return {name: findings for name, findings in found.items() if findings}


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is written into the tab: marks by row, and key cells (row, column name, value) that the table spells otherwise."""

    marks: Mapping[int, Mark]
    spelled: tuple[tuple[int, str, CellValue], ...]


def find_columns(header: Sequence[ObservedCell], shape: TableShape) -> Columns:
    """Finds the bound columns by their header texts."""
    headers = read_headers(header)
    return Columns(
        {column.name: headers.places[column.header] for column in shape.columns if column.header in headers.places},
        tuple(column for column in shape.columns if column.header not in headers.places),
        tuple(column.header for column in shape.columns if column.header in headers.doubled),
    )


def only(shape: TableShape, names: Iterable[str]) -> TableShape:
    """The shape with these columns alone."""
    wanted = set(names)
    return TableShape(tuple(column for column in shape.columns if column.name in wanted), shape.key)


def meet(tab: Iterable[ObservedRow], table: Iterable[tuple[RowKey, RowValues]], shape: TableShape) -> Contact:
    """Compares all rows of the tab with all rows of the table, in the columns of `shape`."""
    rows = {row.row: row for row in tab if not row.blank}
    as_stored = {at: _as_stored(row, shape) for at, row in rows.items()}
    found = compare((row for row in as_stored.values() if row.key is not None), table, shape)
    at_key: dict[RowKey, list[int]] = defaultdict(list)
    for at, row in as_stored.items():
        if row.key is not None:
            at_key[row.key].append(at)
    unknown = [
        f.row for f in found.findings if f.column is None and f.kind in (Kind.NOBODYS, Kind.UNSAVED) and f.row is not None
    ]
    keyless = [at for at, row in as_stored.items() if row.key is None]
    return Contact(
        shape,
        rows,
        {at: row.key for at, row in as_stored.items()},
        len(found.agreed),
        found.table_rows,
        tuple(sorted([*unknown, *keyless])),
        tuple(f.key for f in found.findings if f.kind is Kind.MISSING and f.key is not None),
        tuple(f for f in found.findings if f.kind is Kind.CELL),
        tuple(f for f in found.findings if f.kind is Kind.UNSAVED and f.column is not None),
        {key: tuple(places) for key, places in at_key.items() if len(places) > 1},
    )


def questions_of_columns(columns: Columns, shape: TableShape, choices: Choices) -> list[Question]:
    """What the header row leaves open; rows can't be compared before it is answered."""
    found = [
        Question(f"more than one column is headed {header!r}", "rename or delete all but one of them")
        for header in columns.doubled
    ]
    keys = [column.header for column in columns.missing if column.name in shape.key]
    others = [column.header for column in columns.missing if column.name not in shape.key]
    if keys:
        found.append(
            Question(
                f"the tab has no column headed {_listed(keys)}, which is the table's key",
                "give the column of the keys this header, or name its header: --column NAME=HEADER for every column to bind",
            )
        )
    if others and choices.missing is Missing.REFUSE:
        found.append(
            Question(
                f"the tab has no column headed {_listed(others)}",
                "correct it, or --missing-columns add, or name all columns to bind: --column NAME or --column NAME=HEADER",
            )
        )
    return found


def questions(contact: Contact, choices: Choices, binding: Binding) -> list[Question]:
    """What the operator has not said yet, or what can't be done as it was said; empty where nothing is in the way."""
    found = [
        Question(
            f"the key {key} stands in the rows {_rows(rows)}",
            "leave one row of each key: change the key of the others in the sheet, or delete them",
        )
        for key, rows in contact.doubled.items()
    ]
    kinds = (
        (len(contact.only_in_sheet), choices.only_in_sheet, "rows are only in the sheet", "--only-in-sheet insert or remove"),
        (len(contact.only_in_table), choices.only_in_table, "rows are only in the table", "--only-in-table show or delete"),
        (contact.differing_rows, choices.differing, "rows differ", "--differing table or sheet"),
    )
    found += [Question(f"{count} {what}", f"say {how}") for count, choice, what, how in kinds if count and choice == "refuse"]
    if choices.only_in_sheet is OnlyInSheet.REMOVE and contact.keyless:
        problem = f"{len(contact.keyless)} rows to be removed have no key: {_rows(contact.keyless)}"
        found.append(Question(problem, "delete them in the sheet, or clear their bound cells"))
    if choices.only_in_sheet is OnlyInSheet.REMOVE and choices.only_in_table is OnlyInTable.DELETE:
        found.append(
            Question("rows can't be taken away on both sides at once", "bind with one of the two, then delete the others")
        )
    if binding.direction is Direction.DATABASE_TO_SHEET:
        of_sheet = {
            "--only-in-sheet insert": choices.only_in_sheet is OnlyInSheet.INSERT and contact.only_in_sheet,
            "--only-in-table delete": choices.only_in_table is OnlyInTable.DELETE and contact.only_in_table,
            "--differing sheet": choices.differing is Differing.SHEET and contact.differing,
        }
        remedy = "take the table's side, or bind in the direction both"
        problems = [
            f"{option} would change the table, which this direction never does" for option, on in of_sheet.items() if on
        ]
        found += [Question(problem, remedy) for problem in problems]
    return found


def waits(contact: Contact, choices: Choices, binding: Binding) -> list[str]:
    """What the mass guard will hold until an operator confirms it, in words."""
    kinds = (
        (contact.differing_rows, choices.differing is Differing.SHEET, "rows that keep the sheet's values"),
        (len(contact.only_in_sheet), choices.only_in_sheet is OnlyInSheet.REMOVE, "rows to be removed from the sheet"),
        (len(contact.only_in_table), choices.only_in_table is OnlyInTable.DELETE, "rows to be deleted from the table"),
    )
    rows = max(contact.table_rows, len(contact.rows))
    return [f"{count} {what}" for count, is_chosen, what in kinds if is_chosen and is_mass(binding, count, rows)]


def prepare(contact: Contact, choices: Choices) -> Preparation:
    """What is to be written, once no question is open."""
    columns = contact.shape.by_name
    edits: dict[int, dict[str, CellValue]] = defaultdict(dict)
    if choices.differing is Differing.SHEET:
        for finding in contact.differing:
            if finding.row is not None and finding.column is not None and not _is_read_only(columns[finding.column]):
                edits[finding.row][finding.column] = finding.table
    unmarked = set(contact.only_in_sheet) if choices.only_in_sheet is not OnlyInSheet.REMOVE else set()
    marks: dict[int, Mark] = {}
    spelled: list[tuple[int, str, CellValue]] = []
    for at, row in contact.rows.items():
        key = contact.keys[at]
        if key is None or at in unmarked:
            continue
        written = dict(row.values)
        for name in contact.shape.key:
            as_stored = _stored(row.values[name], columns[name])
            if not same(as_stored, row.values[name]):
                spelled.append((at, name, as_stored))
                written[name] = as_stored
        cells = {name: MarkedCell(digest(edits[at].get(name, value))) for name, value in written.items()}
        marks[at] = Mark(key, 0, _NOWHERE, cells)
    return Preparation(marks, tuple(spelled))


def _as_stored(row: ObservedRow, shape: TableShape) -> ObservedRow:
    """The row as the table would store it, with a mark that says that nobody has changed it."""
    values = {column.name: _stored(row.values[column.name], column) for column in shape.columns}
    cells = {name: row.cells[name]._replace(value=value) for name, value in values.items()}
    if row.key is None:
        return row._replace(cells=cells, values=values)
    key = row_key([values[name] for name in shape.key])
    marked = {name: MarkedCell(digest(value)) for name, value in values.items()}
    return row._replace(cells=cells, values=values, key=key, mark=Mark(key, 0, _NOWHERE, marked), damaged=False)


def _stored(value: CellValue, column: BoundColumn) -> CellValue:
    if value is None:
        return None
    try:
        return column.type.from_text(database_text(value, column))
    except NotAccepted:
        return value


def _is_read_only(column: BoundColumn) -> bool:
    return column.read_only or column.type.read_only


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(repr(text) for text in texts)


def _rows(rows: Sequence[int], most: int = 5) -> str:
    """Row numbers as the sheet counts them."""
    shown = ", ".join(str(row + 1) for row in rows[:most])
    return shown if len(rows) <= most else f"{shown} and {len(rows) - most} more"
