"""Where things are in a tab as a person sees it: rows by key, cells by header."""

from collections.abc import Mapping
from functools import cached_property

from tabstream.operations.demo.live import letter
from tabstream.operations.demo.person import Grid

KEY = "lead_id"


class View:
    """One reading of the person's grid. Rows are numbered from 1; the header is row 1."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        headers = grid.rows[0] if grid.rows else ()
        self._columns = {header: column for column, header in enumerate(headers) if header}

    @property
    def version(self) -> int:
        """The spreadsheet's version that was read."""
        return self.grid.version

    @property
    def headers(self) -> Mapping[str, int]:
        """The columns, counted from 0, by header."""
        return self._columns

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """Row numbers by key, the topmost where a key stands twice."""
        found: dict[str, int] = {}
        for number in range(2, len(self.grid.rows) + 1):
            key = self.at(number, KEY)
            if key:
                found.setdefault(key, number)
        return found

    @property
    def blank_row(self) -> int:
        """The first row below all that hold anything."""
        used = (number for number, row in enumerate(self.grid.rows, start=1) if any(row))
        return max(used, default=1) + 1

    def at(self, number: int, header: str) -> str:
        """What stands in a row, blank for nothing."""
        column, row = self._columns.get(header), self.grid.rows[number - 1] if number <= len(self.grid.rows) else ()
        return "" if column is None or column >= len(row) else row[column]

    def text(self, key: str, header: str) -> str | None:
        """What a cell reads, None where the key is not in the tab."""
        number = self.rows.get(key)
        return None if number is None else self.at(number, header)

    def note_at(self, number: int, header: str) -> str:
        """The note on a cell of a row, blank for none."""
        column = self._columns[header]
        notes = self.grid.notes[number - 1] if number <= len(self.grid.notes) else ()
        return (notes[column] or "") if column < len(notes) else ""

    def row_notes(self, number: int) -> str:
        """All notes of a row, one below the other."""
        return "\n".join(note for header in self._columns if (note := self.note_at(number, header)))

    def address(self, number: int, header: str) -> str:
        """A cell in A1 notation."""
        return f"{letter(self._columns[header])}{number}"
