"""What one flush does to a tab, in parts: values that the planning fills and the sheet sink renders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from tabstream.core.cells import CellValue, RowKey
from tabstream.core.changes import Desired
from tabstream.core.edits import EditKind, SeenCell
from tabstream.core.identity import Located
from tabstream.core.marks import Mark
from tabstream.core.notes import header_note
from tabstream.core.plan import (
    RowPlan,
)


class Look(Enum):
    """Why and how much of the tab was read."""

    ROWS = "rows"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Add:
    """A row to be inserted below the last one."""

    desired: Desired
    values: Mapping[str, CellValue]
    mark: Mark
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """A row to be deleted; `key` is a token for a row that never got one."""

    key: RowKey
    row: int


@dataclass(frozen=True, slots=True)
class Draft:
    """An edit to be sent to the database sink, without the time and place of the read."""

    row_key: str
    kind: EditKind
    partition: int
    offset: int
    cells: tuple[SeenCell, ...]


@dataclass(slots=True)
class TabPlan:
    """What one flush does to a tab: writes, reports, and when to look again (milliseconds, None: no need).

    `renamed` gives the old key of each row that gets another one. `ends_doubt`: once it is applied, no row of the tab is in
    doubt any more.
    """

    rows: dict[str, RowPlan] = field(default_factory=dict)
    others: list[RowPlan] = field(default_factory=list)
    adds: list[Add] = field(default_factory=list)
    removes: list[Remove] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    edited: list[Draft] = field(default_factory=list)
    settled: dict[RowKey, Desired | None] = field(default_factory=dict)
    finished_tokens: dict[str, RowKey | None] = field(default_factory=dict)
    rejected_tokens: set[str] = field(default_factory=set)
    renamed: dict[RowKey, RowKey] = field(default_factory=dict)
    unexplained: dict[RowKey, Located] = field(default_factory=dict)
    stories: list[str] = field(default_factory=list)
    header_note: str | None = None
    look_whole_at_ms: int | None = None
    ends_doubt: bool = False

    @property
    def writes(self) -> bool:
        """True where the tab changes."""
        written = any(p.writes for p in (*self.rows.values(), *self.others))
        return written or bool(self.adds or self.removes) or self.header_note is not None

    def note_header(self, note: str, held: int) -> None:
        """Plans the note on the header of the key column, of which `note` is what it says now."""
        wanted = header_note(note, self.stories, held)
        self.header_note = None if wanted == note else wanted

    def look_whole(self, at_ms: int) -> None:
        """Asks for another whole read, at the earliest of the times asked for."""
        self.look_whole_at_ms = at_ms if self.look_whole_at_ms is None else min(self.look_whole_at_ms, at_ms)
