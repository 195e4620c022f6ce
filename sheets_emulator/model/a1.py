"""A1 notation: `Sheet1!A1:B2`, `'My tab'!A:C`, `2:5`, `A2:C`, `Sheet1`.

Rules: https://developers.google.com/workspace/sheets/api/guides/concepts#cell
"""

import re
from typing import NamedTuple

_CELL = re.compile(r"\$?([A-Za-z]{1,3})?(?:\$?([1-9][0-9]*))?")
_BARE_TITLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LIKE_A_CELL = re.compile(r"[A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*|[A-Za-z]{1,3}")


class A1(NamedTuple):
    """A parsed range: 0-based, half-open; None where it is open. `title` None means the first visible tab."""

    title: str | None
    start_row: int | None = None
    end_row: int | None = None
    start_column: int | None = None
    end_column: int | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it names a whole tab."""
        return self[1:] == (None, None, None, None)


class BadRange(ValueError):
    """The text is no range in A1 notation."""


def column_name(column: int) -> str:
    """`0` is `A`, `26` is `AA`."""
    name = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        name = chr(65 + digit) + name
    return name


def column_index(name: str) -> int:
    """`A` is `0`, `AA` is `26`."""
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - 64
    return index - 1


def parse(text: str) -> A1:
    """The range that `text` names; raises BadRange. A text without `!` that is no range of cells names a tab."""
    title, cells = _split(text)
    if cells is None:
        return A1(title)
    found = _cells(cells)
    if found is None:
        if title is None and "!" not in text:
            return A1(unquote(text))
        raise BadRange(text)
    return A1(title, *found)


def parse_cells(text: str) -> A1:
    """As `parse`, where a text without `!` can only be a range of cells."""
    found = parse(text)
    if found.is_whole:
        raise BadRange(text)
    return found


def quote(title: str) -> str:
    """A tab's title as Google prints it before the `!`."""
    if _BARE_TITLE.fullmatch(title) and not (_LIKE_A_CELL.fullmatch(title) and not title.startswith("Sheet")):
        return title
    return "'" + title.replace("'", "''") + "'"


def unquote(title: str) -> str:
    """The title without its quotes."""
    if len(title) >= 2 and title[0] == title[-1] == "'":
        return title[1:-1].replace("''", "'")
    return title


def cell_name(row: int, column: int) -> str:
    """`(0, 0)` is `A1`."""
    return f"{column_name(column)}{row + 1}"


def print_range(title: str, start_row: int, end_row: int, start_column: int, end_column: int) -> str:
    """The closed range with its tab, a single cell without `:`."""
    first, last = cell_name(start_row, start_column), cell_name(end_row - 1, end_column - 1)
    cells = first if first == last else f"{first}:{last}"
    return f"{quote(title)}!{cells}"


def _split(text: str) -> tuple[str | None, str | None]:
    if text.startswith("'"):
        match = re.match(r"('(?:[^']|'')*')(?:!(.*))?$", text, re.DOTALL)
        if match is None:
            raise BadRange(text)
        return unquote(match[1]), match[2]
    title, mark, cells = text.rpartition("!")
    if not text or (mark and not title):
        raise BadRange(text)
    return (title, cells) if mark else (None, text)


def _cells(text: str) -> tuple[int | None, int | None, int | None, int | None] | None:
    first, colon, last = text.partition(":")
    begin = _corner(first)
    end = _corner(last) if colon else begin
    if begin is None or end is None:
        return None
    if not colon and (begin[0] is None or begin[1] is None):
        return None
    rows, columns = _span(begin[0], end[0]), _span(begin[1], end[1])
    if rows is None or columns is None or (begin[0] is None and begin[1] is None):
        return None
    return (*rows, *columns)


def _corner(text: str) -> tuple[int | None, int | None] | None:
    match = _CELL.fullmatch(text)
    if match is None or not text:
        return None
    return int(match[2]) - 1 if match[2] else None, column_index(match[1]) if match[1] else None


def _span(first: int | None, last: int | None) -> tuple[int | None, int | None] | None:
    # `A2:C` is open downwards, `A:C2` is the same range written the other way round.
    if first is None or last is None:
        known = first if last is None else last
        return known, None
    return min(first, last), max(first, last) + 1
