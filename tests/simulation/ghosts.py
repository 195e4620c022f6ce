"""What became of everything that a person did, as nobody in the pipeline knows it: kept beside the history, for the checks.

Every value that a person or the application writes is told by a number of its own in it (`n1007`, `1007.5`).
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from sheets_emulator.model.workbook import Sheet
from tabstream.core.cells import row_key
from tabstream.core.marks import DamagedMark, Mark, decode_mark
from tabstream.core.plan import KEY_MESSAGE, PASTED_MESSAGE, RESTORED_MESSAGE
from tests.simulation.database import Database

ID, NAME, AMOUNT, SYNC, REMARK = range(5)
BOUND = (ID, NAME, AMOUNT)
FIRST = 1_000
_NUMBER = re.compile(r"\d{4,}")
_PUT_BACK = (KEY_MESSAGE, PASTED_MESSAGE, RESTORED_MESSAGE)


def number_in(value: object) -> int | None:
    """The number of its own that a value holds."""
    found = _NUMBER.search(str(value))
    return int(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class Deleted:
    """A row that a person deleted; `told` is how much the outbox had told by then."""

    key: str
    told: int


@dataclass(slots=True)
class Ghosts:
    """`typed` are a person's own values, `placed` counts in how many cells a person has put one, `withdrawn` are those that a
    person took away; `seen` is all that ever stood in the tab, `stood` the cell where a value stood last: what a person types
    there takes its place, too. `beside` says which row each remark stands beside, None where a person has parted them;
    `order` is how the remarks stood after the last act of a person. `doubled` says that a person has ever doubled a mark.
    `returned` are keys of which an act of a person has brought a row, `put_back` those whose row has come back since it was
    deleted with a note that says so.
    """

    database: Database
    typed: set[int] = field(default_factory=set)
    placed: Counter[int] = field(default_factory=Counter)
    withdrawn: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    stood: dict[int, tuple[int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    deleted: list[Deleted] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)
    put_back: set[str] = field(default_factory=set)
    beside: dict[str, str | None] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    application_keys: set[str] = field(default_factory=set)
    copied: bool = False
    doubled: bool = False

    def person(self, kind: str, before: Sheet, after: Sheet) -> None:
        """A person has acted."""
        old, new = _numbers(before), _numbers(after)
        for (_, number), count in (new - old).items():
            if number in self.typed:
                self.placed[number] += count
        self.seen |= {number for _, number in new}
        touched = _cells(before).items() ^ _cells(after).items()
        places = {place for place, _ in touched}
        self.withdrawn |= {number for number, place in self.stood.items() if place in places}
        self._stand(after)
        still = {number for _, number in new}
        self.withdrawn |= {number for _, number in old} - still
        self.withdrawn -= still
        gone, come = _keys(before).keys() - _keys(after).keys(), _keys(after) - _keys(before)
        if kind == "delete":
            gone = gone - _key_cells(after)  # a row whose key cell stands elsewhere is that one now
            self.deleted += [Deleted(key, len(self.database.told)) for key in gone]
            self.put_back -= gone
        self.returned |= come.keys()
        self.copied = self.copied or kind in ("copy", "fill", "sort range", "undo", "key")
        marks = [text for row in list(after.rows)[1:] if (text := str(row.cell(SYNC).effective or ""))]
        self.doubled = self.doubled or len(set(marks)) < len(marks)
        self._remarks(kind, before, after)

    def written(self, sheet: Sheet) -> None:
        """A sink has written: what its notes say, and what it shows."""
        self.seen |= {number for _, number in _numbers(sheet)}
        self._stand(sheet)
        for row in sheet.rows:
            self.notes += [style.note for style in row.styles if style.note]
        for row in range(1, sheet.row_count):
            key, note = whole_key(sheet, row), sheet.cell(row, ID).style.note or ""
            if key is not None and any(message in note for message in _PUT_BACK):
                self.put_back.add(key)

    def _stand(self, sheet: Sheet) -> None:
        for place, value in _cells(sheet).items():
            number = number_in(value)
            if number in self.typed:
                self.stood[number] = place

    def _remarks(self, kind: str, before: Sheet, after: Sheet) -> None:
        old, new = dict(_remarks(before)), dict(_remarks(after))
        counted = Counter(text for text, _ in _remarks(after))
        for text, key in new.items():
            moved = old.get(text) != key
            if text not in self.beside or (moved and kind != "key"):
                self.beside[text] = key if kind in ("remark", "sort range") else None
            if counted[text] > 1:
                self.beside[text] = None
        for text in old.keys() - new.keys():
            self.beside[text] = None
        self.order = [text for text, _ in _remarks(after)]


def _numbers(sheet: Sheet) -> Counter[tuple[str, int]]:
    """The numbers of all cells, each with the key cell of its row, or what else tells the row from others."""
    found: Counter[tuple[str, int]] = Counter()
    for row in list(sheet.rows)[1:]:
        for column in (NAME, AMOUNT):
            number = number_in(row.cell(column).effective)
            if number is not None and number >= FIRST:
                found[str(row.cell(ID).effective or f"row {row.identity}"), number] += 1
    return found


def _cells(sheet: Sheet) -> dict[tuple[int, int], object]:
    """What stands in the cells that hold a person's values, by the identity of their rows."""
    rows = list(sheet.rows)[1:]
    return {(row.identity, column): row.cell(column).effective for row in rows for column in (NAME, AMOUNT)}


def _keys(sheet: Sheet) -> Counter[str]:
    """The keys of rows whose key cell and mark agree, each with how many there are."""
    return Counter(key for row in range(1, sheet.row_count) if (key := whole_key(sheet, row)) is not None)


def _key_cells(sheet: Sheet) -> set[str]:
    values = [sheet.cell(row, ID).effective for row in range(1, sheet.row_count)]
    return {row_key([value]) for value in values if isinstance(value, float)}


def whole_key(sheet: Sheet, row: int) -> str | None:
    """The key of a row whose key cell and mark agree."""
    value = sheet.cell(row, ID).effective
    try:
        mark = decode_mark(str(sheet.cell(row, SYNC).effective or ""))
    except DamagedMark:
        return None
    shown = row_key([value]) if isinstance(value, float) else None
    return shown if isinstance(mark, Mark) and mark.key == shown else None


def _remarks(sheet: Sheet) -> list[tuple[str, str | None]]:
    found = []
    for row in range(1, sheet.row_count):
        text, value = sheet.cell(row, REMARK).effective, sheet.cell(row, ID).effective
        if isinstance(text, str):
            found.append((text, row_key([value]) if isinstance(value, float) else None))
    return found
