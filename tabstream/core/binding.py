"""A binding: one table, one tab, and the rules between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tabstream.core.types.base import ColumnType

SYNC_HEADER = "_sync"
SCRATCH_TAB = "_tabstream"


class Direction(StrEnum):
    """Which way changes travel."""

    BOTH = "both"
    DATABASE_TO_SHEET = "database_to_sheet"
    SHEET_TO_DATABASE = "sheet_to_database"


class ConflictRule(StrEnum):
    """Who wins when both sides changed the same cell."""

    LAST_WRITE_WINS = "last_write_wins"
    DATABASE_WINS = "database_wins"
    SHEET_WINS = "sheet_wins"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """One column as the bindings file names it; None means the binding's or the table's default."""

    name: str
    header: str | None = None
    type: str | None = None
    conflict: str | None = None
    formulas: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """One entry of the bindings file. `columns` is None where the file says `all`.

    `conflict` is a ConflictRule's value, or `package.module:function` for a team's own rule. `topic` is None where the table's
    topic goes by the usual name.
    """

    name: str
    table: str
    spreadsheet: str
    spreadsheet_id: str
    tab: str
    direction: Direction = Direction.BOTH
    columns: tuple[ColumnChoice, ...] | None = None
    conflict: str = ConflictRule.LAST_WRITE_WINS.value
    updated_at: str | None = None
    hold_above_share: float = 0.5
    hold_above_count: int = 1000
    settle_seconds: float | None = None
    sweep_seconds: float | None = None
    topic: str | None = None

    @property
    def schema_name(self) -> str:
        """The table's schema, `public` if the file doesn't say."""
        return self.table.rpartition(".")[0] or "public"

    @property
    def table_name(self) -> str:
        """The table's name without its schema."""
        return self.table.rpartition(".")[2]

    def column_of_header(self, header: str) -> str:
        """The column that a header stands for; headers are column names where the file gives no other."""
        for choice in self.columns or ():
            if choice.header == header:
                return choice.name
        return header


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A bound column as the table has it. `pg_type` is PostgreSQL's own name, such as `numeric(10,2)`."""

    name: str
    header: str
    pg_type: str
    type: "ColumnType"
    nullable: bool
    has_default: bool = False
    read_only: bool = False
    formulas: bool = False
    conflict: str = ConflictRule.LAST_WRITE_WINS.value


@dataclass(frozen=True, slots=True)
class TableShape:
    """The bound columns in tab order, and the primary key's columns in key order; `by_name` are the columns by their name in
    the table, `shown_only` those that nobody can edit in the tab, but for the key's."""

    columns: tuple[BoundColumn, ...]
    key: tuple[str, ...]
    by_name: Mapping[str, BoundColumn] = field(init=False, repr=False, compare=False)
    shown_only: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})
        fixed = (c.name for c in self.columns if (c.read_only or c.type.read_only) and c.name not in self.key)
        object.__setattr__(self, "shown_only", frozenset(fixed))


@dataclass(frozen=True, slots=True)
class Bindings:
    """The bindings file, checked: names are unique, and so are tabs. `spreadsheets` gives each name's id."""

    bindings: tuple[Binding, ...] = ()
    spreadsheets: Mapping[str, str] = field(default_factory=dict)

    def named(self, name: str) -> Binding | None:
        """The binding of this name, None if there is none."""
        return next((b for b in self.bindings if b.name == name), None)

    def by_tab(self, spreadsheet_id: str, tab: str) -> Binding | None:
        """The binding that this tab belongs to, None for a tab that isn't bound."""
        return next((b for b in self.bindings if (b.spreadsheet_id, b.tab) == (spreadsheet_id, tab)), None)

    def of_spreadsheet(self, spreadsheet_id: str) -> tuple[Binding, ...]:
        """The bindings to tabs of this spreadsheet, in the order of the file."""
        return tuple(b for b in self.bindings if b.spreadsheet_id == spreadsheet_id)


@dataclass(frozen=True, slots=True)
class BindingChanges:
    """What differs between two versions of the bindings: new ones, the names of those that are gone, and those of which
    anything is another, as they are now."""

    added: tuple[Binding, ...]
    removed: tuple[str, ...]
    changed: tuple[Binding, ...]


def binding_changes(before: Iterable[Binding], after: Iterable[Binding]) -> BindingChanges:
    """What to do to come from the one to the other."""
    old, new = {b.name: b for b in before}, {b.name: b for b in after}
    return BindingChanges(
        added=tuple(b for name, b in new.items() if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(b for name, b in new.items() if name in old and old[name] != b),
    )
