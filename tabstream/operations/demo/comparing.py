"""Whether a tab shows what a table has: expectations that are written down here once more, apart from the sink.

Nothing of tabstream is imported, so a mistake there can't hide here. A table's row is a mapping of Python values as
psycopg gives them; a tab's cell is what the Sheets API says of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

TableRow: TypeAlias = Mapping[str, Any]

_EPOCH = date(1899, 12, 30)
_SECONDS_A_DAY = 86_400
_HALF_A_MILLISECOND = 0.000_5


@dataclass(frozen=True, slots=True)
class TabCell:
    """A cell: `value` is the effective value (None, bool, float, str), `shown` the text on the screen."""

    value: bool | float | str | None = None
    shown: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class TabRow:
    """A row below the header, `index` counted from 0 with the header as row 0; cells by header."""

    index: int
    cells: Mapping[str, TabCell]

    def shown(self, header: str) -> str:
        """What a person reads in a cell, blank for none."""
        cell = self.cells.get(header)
        return "" if cell is None else cell.shown


BLANK = TabCell()


def differences(table: Sequence[TableRow], tab: Sequence[TabRow], key: str, zone: str) -> list[str]:
    """What differs, in words; empty where the tab shows the table, each row once and nothing else.

    `zone` is the spreadsheet's time zone. Rows without any value in a bound column are not counted.
    """
    if not table:
        return [f"row {row.index + 1} stands in the tab and not in the table" for row in tab]
    headers = tuple(table[0])
    found: list[str] = []
    seen: dict[str, TabRow] = {}
    for row in tab:
        if all(row.cells.get(header, BLANK).value is None for header in headers):
            continue
        name = row.shown(key)
        if name in seen:
            found.append(f"{key} {name} stands in rows {seen[name].index + 1} and {row.index + 1}")
        seen.setdefault(name, row)
    for wanted in table:
        shown = seen.pop(str(wanted[key]), None)
        if shown is None:
            found.append(f"{key} {wanted[key]} is not in the tab")
        else:
            found.extend(_row_differences(wanted, shown, key, zone))
    found.extend(f"row {row.index + 1} ({key} {name!r}) is not in the table" for name, row in seen.items())
    return found


def cell_differs(wanted: Any, cell: TabCell, zone: str) -> str | None:
    """Why a cell does not show a value of the table, None where it does."""
    value = cell.value
    expected = expected_value(wanted, zone)
    if expected is None:
        return None if value is None else f"should be empty and holds {value!r}"
    if type(value) is not type(expected):
        return f"should hold {expected!r} and holds {value!r}"
    if isinstance(wanted, datetime) and isinstance(value, float) and isinstance(expected, float):
        apart = abs(value - expected) * _SECONDS_A_DAY
        return None if apart <= _HALF_A_MILLISECOND else f"is {apart:.3f} seconds off {wanted}"
    if value != expected:
        return f"should hold {expected!r} and holds {value!r}"
    text = expected_text(wanted)
    shown = cell.shown if isinstance(wanted, str) else cell.shown.replace(",", "")  # separators of thousands
    return None if text is None or shown == text else f"should read {text!r} and reads {cell.shown!r}"


def expected_value(wanted: Any, zone: str) -> bool | float | str | None:
    """The effective value of a cell for a value of the table; empty text is an empty cell."""
    if wanted is None or wanted == "":
        return None
    if isinstance(wanted, bool | str):
        return wanted
    if isinstance(wanted, int | float | Decimal):
        return float(wanted)
    if isinstance(wanted, datetime):
        wall = wanted.astimezone(ZoneInfo(zone))
        days = (wall.date() - _EPOCH).days
        seconds = wall.hour * 3600 + wall.minute * 60 + wall.second + wall.microsecond / 1e6
        return days + seconds / _SECONDS_A_DAY
    if isinstance(wanted, date):
        return float((wanted - _EPOCH).days)
    raise TypeError(f"no expectation for {wanted!r}")


def expected_text(wanted: Any) -> str | None:
    """What a cell reads like, None where that is not checked."""
    if isinstance(wanted, bool):
        return "TRUE" if wanted else "FALSE"
    if isinstance(wanted, datetime):
        return None
    return str(wanted)


def _row_differences(wanted: TableRow, row: TabRow, key: str, zone: str) -> list[str]:
    found = []
    for header, value in wanted.items():
        why = cell_differs(value, row.cells.get(header, BLANK), zone)
        if why is not None:
            found.append(f"{key} {wanted[key]}, {header}: {why}")
    return found
