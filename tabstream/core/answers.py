"""Answers in the form that the outbox and the row register keep: a list of JSON objects."""

from collections.abc import Mapping, Sequence
from typing import Any

from tabstream.core.cells import CellValue, as_json_value, number
from tabstream.core.edits import Outcome
from tabstream.core.results import Answer, RowAnswer
from tabstream.core.rowmerge import Answers


def to_entries(answers: Answers) -> list[dict[str, Any]]:
    """The row's answer first, with no column, then the cells'."""
    entries = [] if answers.row is None else [_row_entry(answers.row)]
    return entries + [_cell_entry(answer) for answer in answers.cells]


def from_entries(entries: Sequence[Mapping[str, Any]]) -> Answers:
    """The inverse of `to_entries`."""
    rows = [_row_answer(entry) for entry in entries if entry["column"] is None]
    cells = tuple(_cell_answer(entry) for entry in entries if entry["column"] is not None)
    return Answers(rows[0] if rows else None, cells)


def _row_entry(answer: RowAnswer) -> dict[str, Any]:
    return {
        "column": None,
        "base": None,
        "value": None,
        "number": answer.number,
        "outcome": answer.outcome.value,
        "reason": answer.reason,
        "key": answer.key,
    }


def _cell_entry(answer: Answer) -> dict[str, Any]:
    return {
        "column": answer.column,
        "base": answer.base,
        "value": as_json_value(answer.value),
        "number": answer.number,
        "outcome": answer.outcome.value,
        "reason": answer.reason,
        "shown": answer.shown,
    }


def _row_answer(entry: Mapping[str, Any]) -> RowAnswer:
    return RowAnswer(Outcome(entry["outcome"]), entry["number"], entry["key"], entry["reason"])


def _cell_answer(entry: Mapping[str, Any]) -> Answer:
    return Answer(
        entry["column"],
        entry["base"],
        _value(entry["value"]),
        entry["number"],
        Outcome(entry["outcome"]),
        entry["reason"],
        entry.get("shown", 0),
    )


def _value(value: Any) -> CellValue:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
