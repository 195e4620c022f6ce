"""A person at the tab, who does anything at any time."""

from collections.abc import Callable, Mapping
from random import Random

from sheets_emulator.model.workbook import Sheet
from sheets_emulator.person import actions, bodies, structure
from sheets_emulator.person.actions import Fired
from tabstream.core.plan import COPY_MESSAGE
from tests.simulation.ghosts import BOUND, Ghosts, whole_key
from tests.simulation.spreadsheet import Action, Spreadsheet

CELLS: Mapping[str, float] = {"type": 8, "clear": 1, "remark": 1, "undo": 0.7}
ROWS: Mapping[str, float] = {**CELLS, "new": 3, "delete": 2, "insert": 1, "clear row": 0.5, "finish": 1}
ORDER: Mapping[str, float] = {**ROWS, "sort": 1, "move": 1.5}
WILD: Mapping[str, float] = {**ORDER, "copy": 1, "sort range": 1, "fill": 1, "key": 0.7, "mark": 0.4}
TEMPERS = (CELLS, ROWS, ORDER, WILD)


class Person:
    """`fresh` gives numbers that no value had before."""

    def __init__(self, random: Random, spreadsheet: Spreadsheet, ghosts: Ghosts, fresh: Callable[[], int]) -> None:
        self._random = random
        self._spreadsheet = spreadsheet
        self._ghosts = ghosts
        self._fresh = fresh

    def act(self, weights: Mapping[str, float]) -> tuple[str, tuple[Fired, ...]]:
        """Does something; what it was, and what it fires."""
        kind = self._random.choices(list(weights), list(weights.values()))[0]
        before = self._spreadsheet.sheet
        if kind == "undo":
            told, fired = "undo", self._spreadsheet.undo()
        else:
            told, action = getattr(self, "_" + kind.replace(" ", "_"))(before)
            fired = None if action is None else self._spreadsheet.act(action)
        if fired is None:
            return "", ()
        self._ghosts.person(kind, before, self._spreadsheet.sheet)
        return told, fired

    def tidy(self) -> str:
        """Deletes a row whose note says that it is a copy; what was done."""
        before = self._spreadsheet.sheet
        for row in range(1, before.row_count):
            if any(COPY_MESSAGE in (before.cell(row, column).style.note or "") for column in BOUND):
                self._spreadsheet.act(_deleting([row + 1]))
                self._ghosts.person("delete", before, self._spreadsheet.sheet)
                return f"deletes the copy in row {row + 1}"
        return ""

    def _type(self, sheet: Sheet) -> tuple[str, Action | None]:
        row, column = self._row(sheet), self._random.choice("BC")
        return ("", None) if row is None else _typing(f"{column}{row}", self._text(column))

    def _clear(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        return ("", None) if row is None else _clearing(f"{self._random.choice('BCC')}{row}")

    def _remark(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        if row is None or whole_key(sheet, row - 1) is None or sheet.cell(row - 1, 4).value is not None:
            return "", None
        return _typing(f"E{row}", f"r{self._fresh()}")

    def _new(self, sheet: Sheet) -> tuple[str, Action | None]:
        blank = self._blank(sheet)
        own = self._random.random()
        key = str(500 + self._fresh() % 400) if own < 0.2 else ""
        if own > 0.6:
            column = self._random.choice("BBC")
            return _typing(f"{column}{blank}", self._text(column))
        values = [[key, self._text("B"), self._text("C")]]
        body = bodies.Paste(cell=f"A{blank}", values=values)
        return f"pastes {values} at A{blank}", lambda book, tab: actions.paste(book, tab, body)

    def _finish(self, sheet: Sheet) -> tuple[str, Action | None]:
        """Types a name where one is missing."""
        open_rows = [row for row in self._rows(sheet) if sheet.cell(row - 1, 1).value is None]
        return _typing(f"B{self._random.choice(open_rows)}", self._text("B")) if open_rows else ("", None)

    def _delete(self, sheet: Sheet) -> tuple[str, Action | None]:
        rows = self._rows(sheet)
        if not rows:
            return "", None
        chosen = sorted(self._random.sample(rows, min(len(rows), self._random.choice([1, 1, 1, 2]))))
        return f"deletes rows {chosen}", _deleting(chosen)

    def _insert(self, sheet: Sheet) -> tuple[str, Action | None]:
        body = bodies.InsertRows(before=self._random.randint(2, 1 + max(1, sheet.used_rows())))
        return f"inserts a row before {body.before}", lambda book, tab: structure.insert_rows(book, tab, body)

    def _clear_row(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        return ("", None) if row is None else _clearing(f"A{row}:C{row}")

    def _sort(self, sheet: Sheet) -> tuple[str, Action | None]:
        body = bodies.Sort(column=self._random.choice("ABC"), descending=self._random.random() < 0.5)
        return f"sorts all by {body.column}", lambda book, tab: actions.sort(book, tab, body)

    def _move(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        if row is None:
            return "", None
        body = bodies.MoveRows(rows=[row], before=self._random.randint(2, sheet.used_rows() + 1))
        return f"moves row {row} before {body.before}", lambda book, tab: structure.move_rows(book, tab, body)

    def _copy(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        if row is None:
            return "", None
        body = bodies.CopyRows(
            rows=[row], to=self._random.randint(2, sheet.used_rows() + 1), insert=self._random.random() < 0.5
        )
        where = "into" if body.insert else "over"
        return f"copies row {row} {where} {body.to}", lambda book, tab: structure.copy_rows(book, tab, body)

    def _sort_range(self, sheet: Sheet) -> tuple[str, Action | None]:
        end, columns = sheet.used_rows(), self._random.choice(["AC", "AC", "AD", "AE", "BC", "BB"])
        if end < 3:
            return "", None
        body = bodies.SortRange(range=f"{columns[0]}2:{columns[1]}{end}", column="B", descending=self._random.random() < 0.5)
        return f"sorts {body.range} by B", lambda book, tab: actions.sort_range(book, tab, body)

    def _fill(self, sheet: Sheet) -> tuple[str, Action | None]:
        row, column = self._row(sheet), self._random.choice("BC")
        if row is None:
            return "", None
        body = bodies.Fill(source=f"{column}{row}", target=f"{column}{row + 1}:{column}{row + 2}")
        return f"fills {body.target} from {body.source}", lambda book, tab: actions.fill(book, tab, body)

    def _key(self, sheet: Sheet) -> tuple[str, Action | None]:
        row, other = self._row(sheet), self._row(sheet)
        if row is None or other is None:
            return "", None
        shown = sheet.cell(other - 1, 0).effective
        known = f"{shown:.0f}" if isinstance(shown, float) else "7"
        return _typing(f"A{row}", known if self._random.random() < 0.4 else str(500 + self._fresh() % 400))

    def _mark(self, sheet: Sheet) -> tuple[str, Action | None]:
        row = self._row(sheet)
        if row is None:
            return "", None
        return _typing(f"D{row}", "garbage") if self._random.random() < 0.5 else _clearing(f"D{row}")

    def _text(self, column: str) -> str:
        number, bad = self._fresh(), self._random.random() < 0.1
        self._ghosts.typed.add(number)
        if column == "B":
            return f"{'bad' if bad else 'n'}{number}"
        return f"x{number}" if bad else f"{number}{self._random.choice(['.5', '.5', '', '.505'])}"

    def _rows(self, sheet: Sheet) -> list[int]:
        """The rows, counted from 1, that hold anything."""
        filled = range(1, sheet.used_rows())
        return [row + 1 for row in filled if any(sheet.cell(row, column).value is not None for column in BOUND)]

    def _row(self, sheet: Sheet) -> int | None:
        rows = self._rows(sheet)
        return self._random.choice(rows) if rows else None

    def _blank(self, sheet: Sheet) -> int:
        filled = set(self._rows(sheet))
        inside = [row for row in range(2, sheet.used_rows() + 1) if row not in filled]
        return self._random.choice(inside) if inside and self._random.random() < 0.7 else max(2, sheet.used_rows() + 1)


def _typing(cell: str, text: str) -> tuple[str, Action]:
    body = bodies.TypeText(cell=cell, text=text)
    grown = bodies.Paste(cell=cell, values=[[text]])  # below the grid, where typing is refused

    def action(book: object, tab: Sheet) -> actions.Done:
        typing = int(cell[1:]) <= tab.row_count
        return actions.type_text(book, tab, body) if typing else actions.paste(book, tab, grown)  # type: ignore[arg-type]

    return f"types {text!r} into {cell}", action


def _deleting(rows: list[int]) -> Action:
    body = bodies.Rows(rows=rows)
    return lambda book, tab: structure.delete_rows(book, tab, body)


def _clearing(area: str) -> tuple[str, Action]:
    body = bodies.Cells(range=area)
    return f"clears {area}", lambda book, tab: actions.clear(book, tab, body)
