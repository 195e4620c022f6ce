"""What a person sees of a tab: formatted texts and notes."""

from pydantic import BaseModel

from sheets_emulator.model.a1 import column_name
from sheets_emulator.model.formats import shown
from sheets_emulator.model.values import effective
from sheets_emulator.model.workbook import Sheet, Workbook


class TabSeen(BaseModel):
    """A tab of a spreadsheet."""

    sheet_id: int
    title: str
    hidden: bool
    row_count: int
    column_count: int


class SpreadsheetSeen(BaseModel):
    """A spreadsheet and its tabs, in their order."""

    id: str
    title: str
    locale: str
    zone: str
    version: int
    tabs: list[TabSeen]


class Grid(BaseModel):
    """A tab's cells, row 1 first, up to the last row and column with a text or note; all rows are of one length.

    Hidden rows and columns are among them and named: a person could unhide them. `version` grows with each change of the
    spreadsheet.
    """

    version: int
    title: str
    sheet_id: int
    frozen_rows: int
    row_count: int
    column_count: int
    hidden_rows: list[int]
    hidden_columns: list[str]
    rows: list[list[str]]
    notes: list[list[str | None]]


def spreadsheet(workbook: Workbook) -> SpreadsheetSeen:
    """The spreadsheet's name and tabs."""
    tabs = [
        TabSeen(
            sheet_id=sheet.id,
            title=sheet.title,
            hidden=sheet.hidden,
            row_count=sheet.row_count,
            column_count=sheet.column_count,
        )
        for sheet in workbook.sheets
    ]
    return SpreadsheetSeen(
        id=workbook.id,
        title=workbook.title,
        locale=workbook.locale,
        zone=workbook.zone,
        version=workbook.version,
        tabs=tabs,
    )


def grid(workbook: Workbook, sheet: Sheet) -> Grid:
    """The tab as it is."""
    texts, notes = _texts(workbook, sheet), _notes(sheet)
    height = max(_height(texts), _height(notes))
    width = max((len(line) for lines in (texts, notes) for line in lines), default=0)
    return Grid(
        version=workbook.version,
        title=sheet.title,
        sheet_id=sheet.id,
        frozen_rows=sheet.frozen_rows,
        row_count=sheet.row_count,
        column_count=sheet.column_count,
        hidden_rows=[at + 1 for at, row in enumerate(sheet.rows) if row.hidden],
        hidden_columns=[column_name(at) for at, column in enumerate(sheet.columns) if column.hidden],
        rows=[line + [""] * (width - len(line)) for line in texts[:height]],
        notes=[line + [None] * (width - len(line)) for line in notes[:height]],
    )


def _texts(workbook: Workbook, sheet: Sheet) -> list[list[str]]:
    lines = []
    for row in sheet.rows:
        line = [
            "" if value is None else shown(effective(value), row.cell(at).style.number_format, workbook.locale) or ""
            for at, value in enumerate(row.values)
        ]
        while line and not line[-1]:
            line.pop()
        lines.append(line)
    return lines


def _notes(sheet: Sheet) -> list[list[str | None]]:
    lines: list[list[str | None]] = []
    for row in sheet.rows:
        line = [style.note for style in row.styles]
        while line and not line[-1]:
            line.pop()
        lines.append(line)
    return lines


def _height(lines: list[list[str]] | list[list[str | None]]) -> int:
    return max((at + 1 for at, line in enumerate(lines) if line), default=0)
