"""What an operator wants bound, checked against the bindings file."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from tabstream.bindings_writing import NewEntry
from tabstream.core.binding import Binding, Bindings, ColumnChoice, Direction
from tabstream.errors import OperatorError

_ADDRESS = re.compile(r"/d/([A-Za-z0-9_-]+)")
_ID = re.compile(r"[A-Za-z0-9_-]+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line, as it was typed. `columns` are NAME or NAME=HEADER, empty for all."""

    table: str
    spreadsheet: str
    tab: str
    name: str | None = None
    direction: str | None = None
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The binding, and what is to be added to the bindings file; None where it stands there already."""

    binding: Binding
    entry: NewEntry | None


def wanted(asked: Asked, bindings: Bindings, title_of: Callable[[str], str]) -> Wanted:
    """The binding that is asked for; `title_of` gives the title of a spreadsheet that the file does not name yet.

    Raises OperatorError where the name is taken, or the tab is bound already.
    """
    spreadsheet, spreadsheet_id = _spreadsheet(asked.spreadsheet, bindings)
    before = bindings.by_tab(spreadsheet_id, asked.tab)
    if before is not None:
        return Wanted(_same(asked, before), None)
    name = asked.name or _NOT_IN_NAMES.sub("_", asked.table.rpartition(".")[2])
    if bindings.named(name) is not None:
        raise OperatorError(f"there is a binding {name!r} already", "give this one another name: --name")
    new_id = None if spreadsheet in bindings.spreadsheets else spreadsheet_id
    if new_id is not None:
        spreadsheet = _new_name(title_of(spreadsheet_id), bindings)
    columns = [_choice(text) for text in asked.columns]
    entry: dict[str, Any] = {"name": name, "table": asked.table, "spreadsheet": spreadsheet, "tab": asked.tab}
    if asked.direction is not None:
        entry["direction"] = asked.direction
    if columns:
        entry["columns"] = [c.name if c.header is None else {"name": c.name, "header": c.header} for c in columns]
    binding = Binding(name, asked.table, spreadsheet, spreadsheet_id, asked.tab, _direction(asked.direction))
    return Wanted(replace(binding, columns=tuple(columns) or None), NewEntry(entry, new_id))


def _spreadsheet(text: str, bindings: Bindings) -> tuple[str, str]:
    """The spreadsheet's name (empty for one that the file lacks) and its id."""
    if text in bindings.spreadsheets:
        return text, bindings.spreadsheets[text]
    address = _ADDRESS.search(text)
    spreadsheet_id = address[1] if address else text
    if not _ID.fullmatch(spreadsheet_id):
        known = ", ".join(bindings.spreadsheets) or "none"
        raise OperatorError(
            f"{text!r} is no spreadsheet", f"give its address, its id, or its name in the bindings file: {known}"
        )
    name = next((name for name, known in bindings.spreadsheets.items() if known == spreadsheet_id), "")
    return name, spreadsheet_id


def _same(asked: Asked, before: Binding) -> Binding:
    table = asked.table if "." in asked.table else f"public.{asked.table}"
    is_it = table == f"{before.schema_name}.{before.table_name}" and asked.name in (None, before.name)
    if not is_it:
        raise OperatorError(
            f"tab {asked.tab!r} is bound to table {before.table!r} by the binding {before.name!r}",
            f"a tab belongs to one binding only: take it out first, by tabstream unbind {before.name}",
        )
    if asked.direction is not None or asked.columns:
        raise OperatorError(
            f"the bindings file has the binding {before.name!r} already, with a direction and columns of its own",
            "change them there, and leave --direction and --column out",
        )
    return before


def _new_name(title: str, bindings: Bindings) -> str:
    name = _NOT_IN_NAMES.sub("_", title).strip("_").lower() or "spreadsheet"
    names = (name, *(f"{name}_{number}" for number in range(2, len(bindings.spreadsheets) + 3)))
    return next(free for free in names if free not in bindings.spreadsheets)


def _choice(text: str) -> ColumnChoice:
    name, equals, header = text.partition("=")
    if not name or (equals and not header):
        raise OperatorError(f"{text!r} is no column", "write --column NAME or --column NAME=HEADER")
    return ColumnChoice(name, header or None)


def _direction(text: str | None) -> Direction:
    allowed = [direction.value for direction in Direction]
    if text is not None and text not in allowed:
        close = get_close_matches(text, allowed, n=1)
        meant = f"did you mean {close[0]!r}? " if close else ""
        raise OperatorError(f"{text!r} is no direction", f"{meant}allowed are {', '.join(allowed)}")
    return Direction(text or Direction.BOTH)
