"""Does a tab show what its table has? Decided on one read of both.

A row of the tab stands for a key where its mark and its key cell agree. Of each cell of such a row:

1. It differs from its mark: a person's edit, whatever the table has.
2. It holds a formula that is not synced, and another value than the table has: a person's, not saved.
3. It equals its mark, or has none, and not the table, or is kept in another kind (a number as text): it has drifted, if
   nothing is under way.

A key of the table without such a row is missing, or its row is damaged; a marked row whose key the table lacks is nobody's.
What differs may be on its way: only what stays is drift, and `Trial` tells the two apart.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import orjson

from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue, RowKey, digest, same
from tabstream.core.changes import Missing, RowValues
from tabstream.core.marks import CopiedRow, Mark, NewRow
from tabstream.core.notes import says_not_saved
from tabstream.core.tab import ObservedRow, stored_otherwise

_CHECKSUM_BYTES = 16
_BUSY_LOOKS = 2

Evidence: TypeAlias = tuple[object, ...]


class Kind(StrEnum):
    """What is found at a row or a cell. The last two are people's and no fault."""

    CELL = "cell differs"
    MISSING = "row missing"
    DOUBLED = "row doubled"
    DAMAGED = "row damaged"
    NOBODYS = "nobody's row"
    EDIT = "edit under way"
    UNSAVED = "not saved"


PEOPLES = frozenset({Kind.EDIT, Kind.UNSAVED})


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `row` is 0-based, None where there is none; `column` is None where it is about a row as a whole.

    `mark` names the row's mark as it was, for comparison with another look.
    """

    kind: Kind
    key: RowKey | None
    row: int | None
    column: str | None = None
    tab: CellValue = None
    table: CellValue = None
    mark: int | None = None

    @property
    def is_difference(self) -> bool:
        """True for what is drift if it stays."""
        return self.kind not in PEOPLES

    @property
    def evidence(self) -> Evidence:
        """Equal in two looks where the same thing was found, with the same mark and the same values. Rows may move."""
        return *self.place, *_told_apart(self.tab), *_told_apart(self.table), self.mark

    @property
    def place(self) -> Evidence:
        """What it is about, whatever stands there."""
        return self.kind, self.key, self.row if self.key is None else None, self.column

    def follows(self, before: "Finding") -> bool:
        """True where both sides have other values than `before`, and the owner has written the row since."""
        values = _told_apart(self.tab) != _told_apart(before.tab), _told_apart(self.table) != _told_apart(before.table)
        return self.kind is Kind.CELL and self.mark != before.mark and all(values)


@dataclass(slots=True)
class Comparison:
    """What one look has found, and of every key a digest of its row: of rows that agree one, else of tab and table."""

    findings: list[Finding] = field(default_factory=list)
    agreed: dict[RowKey, bytes] = field(default_factory=dict)
    differing: dict[RowKey, tuple[bytes | None, bytes | None]] = field(default_factory=dict)
    cells: int = 0

    @property
    def tab_rows(self) -> int:
        """How many keys have a row in the tab."""
        return len(self.agreed) + sum(tab is not None for tab, _ in self.differing.values())

    @property
    def table_rows(self) -> int:
        """How many rows the table has."""
        return len(self.agreed) + sum(table is not None for _, table in self.differing.values())

    @property
    def differences(self) -> list[Finding]:
        """The findings that are drift if they stay."""
        return [finding for finding in self.findings if finding.is_difference]

    def looked_again(self, again: "Comparison", keys: Collection[RowKey | None]) -> None:
        """Takes over what a later look at these keys alone has found."""
        self.findings = [f for f in self.findings if f.key not in keys] + again.findings
        for key in keys:
            if key is not None:
                self.agreed.pop(key, None)
                self.differing.pop(key, None)
        self.agreed |= again.agreed
        self.differing |= again.differing

    def checksums(self) -> tuple[str, str]:
        """A digest over all cells in the order of the keys, of the tab and of the table. Rows of people don't count."""
        differing = self.differing.items()
        tab = self.agreed | {key: left for key, (left, _) in differing if left is not None}
        table = self.agreed | {key: right for key, (_, right) in differing if right is not None}
        return checksum(tab), checksum(table)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row of the tab, without what is not needed any more: `values`, packed, and columns by their place in the shape."""

    row: int
    key: RowKey | None
    packed: bytes
    edited: frozenset[int]
    formulas: frozenset[int]
    refused: bool
    mark: int


def compare(
    tab: Iterable[ObservedRow],
    table: Iterable[tuple[RowKey, RowValues]],
    shape: TableShape,
    keys: Collection[RowKey | None] | None = None,
) -> Comparison:
    """Compares all rows of the tab, which are read to their end first, with rows of the table, each once. A value that is
    Missing there is not compared.

    With `keys`, the table's rows are those of these keys only, and nothing else is looked at. The key None stands for rows
    that have none.
    """
    side = _TabSide(shape)
    for row in tab:
        if keys is None or row.key in keys or (isinstance(row.mark, Mark) and row.mark.key in keys):
            side.add(row)
    found = Comparison()
    for key, values in table:
        side.meet(key, tuple(values[column.name] for column in shape.columns), found)
    side.end(found)
    if keys is not None:
        found.findings = [finding for finding in found.findings if finding.key in keys]
    return found


@dataclass(slots=True)
class Trial:
    """Differences on trial: one is drift where two looks in a row have found the same, and nothing was under way meanwhile.

    One that is another one at each look, because the cell changes all the time and its owner follows, is put into `changing`.
    """

    open: list[Finding]
    drift: list[Finding] = field(default_factory=list)
    changing: list[Finding] = field(default_factory=list)
    _followed: Counter[Evidence] = field(default_factory=Counter)

    @property
    def keys(self) -> set[RowKey | None]:
        """The keys that are to be looked at again."""
        return {finding.key for finding in self.open}

    def looked_again(self, differences: Iterable[Finding], settled: bool) -> None:
        """Takes the differences of a later look at `keys`. `settled`: nothing was under way since the look before."""
        looked_at, places = self.keys, {finding.place: finding for finding in self.open}
        before = {finding.evidence for finding in self.open} if settled else set()
        known = {finding.evidence for finding in self.drift}
        still = {finding.evidence: finding for finding in differences}
        self.drift = [f for f in self.drift if f.key not in looked_at or f.evidence in still]
        self.drift += [finding for evidence, finding in still.items() if evidence in before - known]
        self.open = [finding for evidence, finding in still.items() if evidence not in before | known]
        follows = {f.place for f in self.open if f.place in places and f.follows(places[f.place])}
        self._followed = Counter({place: self._followed[place] + 1 for place in follows})
        busy = [f for f in self.open if self._followed[f.place] >= _BUSY_LOOKS]
        self.changing = [f for f in self.changing if f.key not in looked_at or f.evidence in still] + busy
        self.open = [f for f in self.open if f not in busy]


class _TabSide:
    """The rows of a tab by what they stand for."""

    def __init__(self, shape: TableShape) -> None:
        self._shape = shape
        self._names = tuple(column.name for column in shape.columns)
        self._agreeing: dict[RowKey, list[_Seen]] = {}
        self._cleared: dict[RowKey, list[_Seen]] = {}
        self._torn: dict[RowKey, list[_Seen]] = {}
        self._damaged: list[_Seen] = []
        self._peoples: list[_Seen] = []
        self._by_key: dict[RowKey, _Seen] | None = None
        self._known: set[RowKey] = set()
        self._used: set[int] = set()

    def add(self, row: ObservedRow) -> None:
        """Takes one row; blank ones that nobody has marked are none."""
        seen = self._seen(row)
        if row.damaged:
            self._damaged.append(seen)
        elif isinstance(row.mark, Mark):
            places = self._agreeing if row.key == row.mark.key else self._cleared if row.blank else self._torn
            places.setdefault(row.mark.key, []).append(seen)
        elif not row.blank:
            self._peoples.append(seen)

    def meet(self, key: RowKey, values: tuple[CellValue | Missing, ...], found: Comparison) -> None:
        """Compares a row of the table with the one that stands for it."""
        rows = self._agreeing.pop(key, None)
        wanted = _filled(values, rows[0].packed if rows else None)
        packed = _pack(wanted)
        table = _digest(packed)
        if rows:
            self._known.add(key)
            found.cells += len(wanted)
            equal = self._compare_cells(key, rows[0], wanted, packed, found)
            if equal:
                found.agreed[key] = table
            else:
                found.differing[key] = _digest(rows[0].packed), table
            found.findings += [Finding(Kind.DOUBLED, key, row.row, mark=row.mark) for row in rows[1:]]
            return
        found.differing[key] = None, table
        if rows := self._cleared.pop(key, None):
            found.findings.append(Finding(Kind.EDIT, key, rows[0].row))
        elif rows := self._torn.pop(key, None):
            found.findings += [Finding(Kind.DAMAGED, key, row.row, mark=row.mark) for row in rows]
            self._used.update(row.row for row in rows)
        elif (row := self._shows(key)) is not None:
            found.findings.append(Finding(Kind.DAMAGED, key, row.row, mark=row.mark))
            self._used.add(row.row)
        else:
            found.findings.append(Finding(Kind.MISSING, key, None))

    def end(self, found: Comparison) -> None:
        """What is left stands for no row of the table."""
        for key, rows in self._agreeing.items():
            # A row that came back and that the database has refused stays, with a note.
            kinds = [Kind.UNSAVED if row.refused else Kind.NOBODYS for row in rows]
            found.findings += [Finding(kind, key, row.row, mark=row.mark) for kind, row in zip(kinds, rows, strict=True)]
            if Kind.NOBODYS in kinds:
                found.differing[key] = _digest(rows[0].packed), None
        for key, rows in self._cleared.items():
            kind = Kind.DAMAGED if key in self._known else Kind.NOBODYS
            found.findings += [Finding(kind, key, row.row, mark=row.mark) for row in rows]
        for key, rows in self._torn.items():
            # A copy of a row with another key typed into it is a person's new row.
            copies = key in self._known or key in self._agreeing
            kind = Kind.UNSAVED if copies else Kind.DAMAGED
            of = [(row.key if copies else key, row) for row in rows if row.row not in self._used]
            found.findings += [Finding(kind, name, row.row, mark=row.mark) for name, row in of]
        for kind, left in ((Kind.DAMAGED, self._damaged), (Kind.UNSAVED, self._peoples)):
            found.findings += [Finding(kind, row.key, row.row, mark=row.mark) for row in left if row.row not in self._used]

    def _compare_cells(self, key: RowKey, row: _Seen, wanted: tuple[CellValue, ...], packed: bytes, found: Comparison) -> bool:
        if row.packed == packed and not row.edited:
            return True
        equal = True
        for at, (tab, table) in enumerate(zip(_unpack(row.packed), wanted, strict=True)):
            differs = not _equal(tab, table)
            equal = equal and not differs
            if at in row.formulas:
                kind = Kind.UNSAVED if differs else None
            elif at in row.edited:
                kind = Kind.EDIT
            else:
                kind = Kind.CELL if differs else None
            if kind is not None:
                found.findings.append(Finding(kind, key, row.row, self._names[at], tab, table, row.mark))
        return equal

    def _shows(self, key: RowKey) -> _Seen | None:
        """The first row without its own mark that shows a key."""
        if self._by_key is None:
            self._by_key = {row.key: row for row in reversed(list(self._unmarked())) if row.key is not None}
        return self._by_key.get(key)

    def _unmarked(self) -> Iterator[_Seen]:
        yield from self._damaged
        yield from self._peoples
        for rows in self._torn.values():
            yield from rows

    def _seen(self, row: ObservedRow) -> _Seen:
        mark = row.mark if isinstance(row.mark, Mark) else None
        values = [row.values[name] for name in self._names]
        cells = [row.cells[name] for name in self._names]
        shown = tuple(
            cell.value if stored_otherwise(cell, value) else value for cell, value in zip(cells, values, strict=True)
        )
        formulas = [
            at for at, column in enumerate(self._shape.columns) if row.cells[column.name].formula and not column.formulas
        ]
        refused = any(says_not_saved(cell.note) for cell in cells if cell.note)
        edited: list[int] = []
        if mark is not None:
            marked = [mark.cells.get(name) for name in self._names]
            edited = [at for at, cell in enumerate(marked) if cell is not None and cell.digest != digest(values[at])]
        return _Seen(row.row, row.key, _pack(shown), frozenset(edited), frozenset(formulas), refused, _fingerprint(row))


def _fingerprint(row: ObservedRow) -> int:
    mark = row.mark
    if isinstance(mark, Mark):
        return hash((mark.key, mark.partition, mark.offset, *mark.cells.items()))
    return hash((row.damaged, mark.token if isinstance(mark, NewRow) else mark.key if isinstance(mark, CopiedRow) else None))


def _equal(left: CellValue, right: CellValue) -> bool:
    return same(left or None if isinstance(left, str) else left, right or None if isinstance(right, str) else right)


def _told_apart(value: CellValue) -> tuple[str, CellValue]:
    return type(value).__name__, value


def row_digest(values: tuple[CellValue, ...]) -> bytes:
    """Names what a row shows, its values by their place in the shape."""
    return _digest(_pack(values))


def _digest(packed: bytes) -> bytes:
    return hashlib.blake2b(packed, digest_size=_CHECKSUM_BYTES).digest()


def _pack(values: tuple[CellValue, ...]) -> bytes:
    """A row's values in a fraction of the memory: a tab may have hundreds of thousands of rows."""
    shown = [value or None if isinstance(value, str) else value for value in values]
    try:
        return bytes(memoryview(orjson.dumps(shown)))  # a copy: what orjson gives has room for a thousand bytes behind it
    except TypeError:  # half a surrogate pair, which JSON can spell and UTF-8 can't
        return json.dumps(shown).encode("ascii")


def _unpack(packed: bytes) -> list[CellValue]:
    found: list[CellValue] = json.loads(packed)
    return found


def _filled(values: tuple[CellValue | Missing, ...], packed: bytes | None) -> tuple[CellValue, ...]:
    """The values, with what the tab shows in place of those that are Missing."""
    if not any(isinstance(value, Missing) for value in values):
        return tuple(value for value in values if not isinstance(value, Missing))
    shown = (None,) * len(values) if packed is None else _unpack(packed)
    return tuple(tab if isinstance(value, Missing) else value for tab, value in zip(shown, values, strict=True))


def checksum(rows: Mapping[RowKey, bytes]) -> str:
    """Names what all rows show, by their digests, in the order of the keys."""
    found = hashlib.blake2b(digest_size=_CHECKSUM_BYTES)
    for key in sorted(rows):
        found.update(digest(key).encode() + rows[key])
    return found.hexdigest()
