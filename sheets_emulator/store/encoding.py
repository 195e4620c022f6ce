"""Workbooks as JSON-able values, for the journal. Identities of rows and columns are new after a restart."""

from collections.abc import Mapping, Sequence
from typing import Any

from sheets_emulator.model.ranges import Rect
from sheets_emulator.model.rows import Row, Rows, new_identity
from sheets_emulator.model.values import ErrorValue, Formula, Json, Result, Style, Value
from sheets_emulator.model.workbook import Column, Metadata, NamedRange, Protection, Sheet, Workbook


def workbook_head(workbook: Workbook) -> Json:
    """Everything of a workbook but its tabs."""
    return {
        "id": workbook.id,
        "title": workbook.title,
        "locale": workbook.locale,
        "zone": workbook.zone,
        "auto_recalc": workbook.auto_recalc,
        "version": workbook.version,
        "named_ranges": [[item.id, item.name, item.sheet_id, list(item.rect)] for item in workbook.named_ranges],
        "metadata": [_metadata(item) for item in workbook.metadata],
    }


def read_workbook(head: Mapping[str, Any], sheets: Sequence[Sheet]) -> Workbook:
    """The workbook of a head and its tabs."""
    named = tuple(NamedRange(item[0], item[1], item[2], Rect(*item[3])) for item in head["named_ranges"])
    plain = {name: head[name] for name in ("id", "title", "locale", "zone", "auto_recalc", "version")}
    metadata = tuple(Metadata(*item) for item in head["metadata"])
    return Workbook(**plain, sheets=tuple(sheets), named_ranges=named, metadata=metadata)


def sheet_head(sheet: Sheet) -> Json:
    """Everything of a tab but its rows."""
    return {
        "id": sheet.id,
        "title": sheet.title,
        "columns": [[column.hidden, column.size] for column in sheet.columns],
        "hidden": sheet.hidden,
        "frozen": [sheet.frozen_rows, sheet.frozen_columns],
        "merges": [list(rect) for rect in sheet.merges],
        "basic_filter": sheet.basic_filter,
        "protections": [
            [item.id, list(item.rect), item.description, item.warning_only, item.rest] for item in sheet.protections
        ],
        "metadata": [_metadata(item) for item in sheet.metadata],
        "stored": sheet.stored,
    }


def read_sheet(head: Mapping[str, Any], rows: Rows) -> Sheet:
    """The tab of a head and its rows."""
    return Sheet(
        head["id"],
        head["title"],
        rows,
        tuple(Column(new_identity(), hidden, size) for hidden, size in head["columns"]),
        head["hidden"],
        head["frozen"][0],
        head["frozen"][1],
        tuple(Rect(*rect) for rect in head["merges"]),
        head["basic_filter"],
        tuple(Protection(item[0], Rect(*item[1]), *item[2:]) for item in head["protections"]),
        tuple(Metadata(*item) for item in head["metadata"]),
        head["stored"],
    )


def same_head(first: Sheet, second: Sheet) -> bool:
    """Whether two tabs differ in nothing but their rows."""
    return (
        first.title == second.title
        and first.columns == second.columns
        and first.hidden == second.hidden
        and (first.frozen_rows, first.frozen_columns) == (second.frozen_rows, second.frozen_columns)
        and first.merges == second.merges
        and first.basic_filter == second.basic_filter
        and first.protections == second.protections
        and first.metadata == second.metadata
        and first.stored == second.stored
    )


class RowWriter:
    """Encodes rows; equal styles are written once into `styles`, which belongs beside them."""

    def __init__(self) -> None:
        self.styles: list[list[Any]] = []
        self._known: dict[int, tuple[int, tuple[Style, ...]]] = {}

    def write(self, row: Row) -> list[Any]:
        """The row as a list."""
        values = [_value(value) if type(value) is Formula else value for value in row.values]
        return [values, self._styles(row.styles), row.hidden, row.size]

    def _styles(self, styles: tuple[Style, ...]) -> int | None:
        if not styles:
            return None
        # The tuple is kept so that its id can't be given to another one meanwhile.
        known = self._known.get(id(styles))
        if known is None:
            known = self._known[id(styles)] = (len(self.styles), styles)
            self.styles.append([list(style) for style in styles])
        return known[0]


class RowReader:
    """Decodes what a RowWriter wrote."""

    def __init__(self, styles: Sequence[Sequence[Any]]) -> None:
        self._styles = [tuple(Style(*style) for style in line) for line in styles]

    def read(self, data: Sequence[Any]) -> Row:
        """The row of a list, with a new identity."""
        values, styles, hidden, size = data
        return Row(
            new_identity(),
            tuple(_read_value(value) if type(value) is dict else value for value in values),
            () if styles is None else self._styles[styles],
            hidden,
            size,
        )


def _metadata(item: Metadata) -> list[Any]:
    return [item.id, item.key, item.value, item.visibility, item.dimension, item.start, item.end]


def _value(value: Formula) -> Json:
    result: Any = value.result
    return {"f": value.text, "r": list(result) if isinstance(result, ErrorValue) else result}


def _read_value(data: Mapping[str, Any]) -> Value:
    result: Result = ErrorValue(*data["r"]) if isinstance(data["r"], list) else data["r"]
    return Formula(data["f"], result)
