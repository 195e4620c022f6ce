"""Edit results: rows of the outbox table `tabstream.edit_result`, as Debezium streams them.

A claim comes before the table rows of its transaction, the answers after them. Answers tell, cell by cell, what became
of observations, with the row as the database has it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tabstream.core.binding import TableShape
from tabstream.core.cells import CellValue, Digest, RowKey, number
from tabstream.core.edits import Outcome

SEEN_AGAINST_NO_MARK = -1
REPLAYED = "decided again by a replay"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one cell's observation; `shown` is the number in the mark that it was seen against.

    It is SEEN_AGAINST_NO_MARK in a replay, whose marks may be gone.
    """

    column: str
    base: Digest
    value: CellValue
    number: int
    outcome: Outcome
    reason: str | None = None
    shown: int = 0


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What became of an inserted, deleted or returned row; `key` is the row's key now.

    The reason of an inserted or deleted row is REPLAYED where the tab may show another state of it meanwhile.
    """

    outcome: Outcome
    number: int
    key: RowKey | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A transaction of the database sink, before its rows: `keys` are row keys and tokens it will answer."""

    xid: int
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class EditResult:
    """The answers for one row. `row` holds each bound column's text in the database, None where there is no row."""

    row_key: str
    cells: tuple[Answer, ...]
    row_answer: RowAnswer | None
    row: Mapping[str, str | None] | None
    lsn: int


@dataclass(frozen=True, slots=True)
class Truncated:
    """The table was emptied by TRUNCATE, at this place in the write-ahead log and time (ms since 1970)."""

    lsn: int
    at_ms: int

    def took(self, lsn: int | None, committed_ms: int | None) -> bool:
        """True for a change that is known to be from before it. A row of an incremental snapshot has a time, no LSN; one of a
        flattened topic may have neither."""
        if lsn is not None:
            return lsn < self.lsn
        return committed_ms is not None and committed_ms < self.at_ms


def read_result(after: Mapping[str, Any]) -> Claim | EditResult | Truncated:
    """Reads the `after` image of an outbox event. Raises KeyError or ValueError on a record of another shape."""
    kind = after["kind"]
    if kind == "claim":
        return Claim(after["xid"] % 2**32, frozenset(json.loads(after["keys"])))
    if kind == "truncate":
        return Truncated(lsn_of(after["row_lsn"]), int(datetime.fromisoformat(after["decided_at"]).timestamp() * 1_000))
    entries = json.loads(after["answers"])
    row_entry = next((entry for entry in entries if entry["column"] is None), None)
    row = after["row_data"]
    return EditResult(
        row_key=after["row_key"],
        cells=tuple(_answer(entry) for entry in entries if entry["column"] is not None),
        row_answer=None if row_entry is None else _row_answer(row_entry),
        row=None if row is None else json.loads(row),
        lsn=lsn_of(after["row_lsn"]),
    )


def _answer(entry: Mapping[str, Any]) -> Answer:
    value = entry["value"]
    if isinstance(value, int) and not isinstance(value, bool):
        value = number(value)
    outcome = Outcome(entry["outcome"])
    return Answer(entry["column"], entry["base"], value, entry["number"], outcome, entry.get("reason"), entry.get("shown", 0))


def _row_answer(entry: Mapping[str, Any]) -> RowAnswer:
    return RowAnswer(Outcome(entry["outcome"]), entry["number"], entry.get("key"), entry.get("reason"))


def lsn_of(text: str) -> int:
    """The number of a log sequence number written as `16/B374D848`.

    https://www.postgresql.org/docs/current/datatype-pg-lsn.html
    """
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def row_values(row: Mapping[str, str | None], shape: TableShape) -> Mapping[str, CellValue]:
    """The cell values of a result's row."""
    return {column.name: column.type.from_text(row.get(column.name)) for column in shape.columns}
