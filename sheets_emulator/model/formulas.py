"""The references in a formula's text, and how they follow the cells they name."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from sheets_emulator.model.a1 import column_index, column_name, quote, unquote
from sheets_emulator.model.ranges import ROWS, Rect

_TITLE = r"(?:'(?:[^']|'')+'|[A-Za-z_][A-Za-z0-9_.]*)!"
_CELL = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]*"
_COLUMNS = r"\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}"
_ROWS = r"\$?[1-9][0-9]*:\$?[1-9][0-9]*"
_HALF_OPEN = rf"{_CELL}:\$?[A-Za-z]{{1,3}}"
_TOKEN = re.compile(
    rf'"(?:[^"]|"")*"|(?P<reference>(?P<title>{_TITLE})?'
    rf"(?P<cells>{_CELL}:{_CELL}|{_HALF_OPEN}(?![A-Za-z0-9(])|{_COLUMNS}(?![A-Za-z0-9(])|{_ROWS}(?![0-9])|{_CELL}))"
    r"(?![A-Za-z0-9_(])|[A-Za-z_][A-Za-z0-9_.]*|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|.",
    re.DOTALL,
)
_CORNER = re.compile(r"(\$?)([A-Za-z]{1,3})?(\$?)([1-9][0-9]*)?")


class Corner(NamedTuple):
    """One corner of a reference: None where it is open, and whether a `$` holds it."""

    row: int | None
    column: int | None
    row_held: bool = False
    column_held: bool = False

    def __str__(self) -> str:
        text = ""
        if self.column is not None:
            text += ("$" if self.column_held else "") + column_name(self.column)
        if self.row is not None:
            text += ("$" if self.row_held else "") + str(self.row + 1)
        return text


class Reference(NamedTuple):
    """A reference to a cell (`last` is None) or a range; `title` None is the formula's own tab."""

    title: str | None
    first: Corner
    last: Corner | None = None

    def __str__(self) -> str:
        prefix = "" if self.title is None else f"{quote(self.title)}!"
        return f"{prefix}{self.first}" + ("" if self.last is None else f":{self.last}")

    @property
    def rect(self) -> Rect:
        """The cells it names."""
        last = self.last or self.first
        rows = _sorted(self.first.row, last.row)
        columns = _sorted(self.first.column, last.column)
        return Rect(*rows, *columns)


Rewrite: TypeAlias = Callable[[Reference], Reference | None]


@lru_cache(maxsize=20_000)
def parts(text: str) -> tuple[str | Reference, ...]:
    """The formula's tokens, its references parsed."""
    found: list[str | Reference] = []
    for match in _TOKEN.finditer(text):
        if match["reference"] is None:
            found.append(match[0])
        else:
            title = match["title"]
            found.append(_reference(None if title is None else unquote(title[:-1]), match["cells"]))
    return tuple(found)


def rewritten(text: str, rewrite: Rewrite) -> str:
    """The formula with each reference replaced; `#REF!` where `rewrite` gives None."""
    tokens = parts(text)
    changed = [_printed(token, rewrite) for token in tokens]
    return "".join(changed)


def shifted(text: str, rows: int, columns: int) -> str:
    """The formula as a copy that many rows down and columns to the right has it."""
    if not rows and not columns:
        return text

    def shift(reference: Reference) -> Reference | None:
        first = _shift(reference.first, rows, columns)
        last = None if reference.last is None else _shift(reference.last, rows, columns)
        if first is None or (last is None and reference.last is not None):
            return None
        return reference._replace(first=first, last=last)

    return rewritten(text, shift)


def moved(text: str, home: str, title: str, dimension: str, move: Callable[[Rect], Rect | None]) -> str:
    """The formula of a tab `home` after the rows or columns of the tab `title` moved, as `move` says for a rectangle."""

    def follow(reference: Reference) -> Reference | None:
        if (reference.title or home).casefold() != title.casefold():
            return reference
        rect = reference.rect
        new = move(rect)
        return None if new is None else _placed(reference, new, dimension) if new != rect else reference

    return rewritten(text, follow)


def retitled(text: str, old: str, new: str) -> str:
    """The formula after a tab was renamed."""

    def follow(reference: Reference) -> Reference | None:
        named = reference.title is not None and reference.title.casefold() == old.casefold()
        return reference._replace(title=new) if named else reference

    return rewritten(text, follow)


def _printed(token: str | Reference, rewrite: Rewrite) -> str:
    if isinstance(token, str):
        return token
    changed = rewrite(token)
    return "#REF!" if changed is None else str(changed)


def _reference(title: str | None, cells: str) -> Reference:
    first, colon, last = cells.partition(":")
    return Reference(title, _corner(first), _corner(last) if colon else None)


def _corner(text: str) -> Corner:
    match = _CORNER.fullmatch(text)
    if match is None:
        return Corner(None, None)
    held = bool(match[1]), bool(match[3])
    if match[2] is None:
        held = False, held[0] or held[1]
    row = int(match[4]) - 1 if match[4] else None
    return Corner(row, column_index(match[2]) if match[2] else None, held[1], held[0])


def _shift(corner: Corner, rows: int, columns: int) -> Corner | None:
    row = corner.row if corner.row is None or corner.row_held else corner.row + rows
    column = corner.column if corner.column is None or corner.column_held else corner.column + columns
    if (row is not None and row < 0) or (column is not None and column < 0):
        return None
    return corner._replace(row=row, column=column)


def _placed(reference: Reference, rect: Rect, dimension: str) -> Reference:
    start, end = rect.span(dimension)
    first = _at(reference.first, dimension, start)
    last = None if reference.last is None else _at(reference.last, dimension, None if end is None else end - 1)
    return reference._replace(first=first, last=last)


def _at(corner: Corner, dimension: str, index: int | None) -> Corner:
    if index is None:
        return corner
    if dimension == ROWS:
        return corner if corner.row is None else corner._replace(row=index)
    return corner if corner.column is None else corner._replace(column=index)


def _sorted(first: int | None, last: int | None) -> tuple[int | None, int | None]:
    if first is None or last is None:
        return (first if last is None else last), None
    return min(first, last), max(first, last) + 1
