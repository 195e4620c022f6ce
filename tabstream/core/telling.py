"""What a message of one of our topics says, in one line: `op key: column old -> new` for a change of a table."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tabstream.core.readable import changes_text, plain, short, shown_key, values_text

OLD_KEY, NEW_KEY = "__debezium.oldkey", "__debezium.newkey"

_OPERATIONS = {"c": "insert", "u": "update", "d": "delete", "r": "snapshot"}
_KEPT_VERSIONS = 10_000


class TopicKind(StrEnum):
    """What a topic holds; `OTHER` is a table's changes, or anything that is not ours."""

    EDITS = "edits"
    RESULTS = "results"
    SIGNALS = "signals"
    STATUS = "status"
    DEAD_LETTERS = "dead-letters"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that can't be decoded, as hexadecimal digits, and why."""

    hex: str
    reason: str


def json_value(value: Any) -> Any:
    """A decoded key or value as JSON holds it."""
    return {"hex": value.hex, "undecodable": value.reason} if isinstance(value, Undecodable) else plain(value)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message's key and value, each decoded, text, None or Undecodable; the texts of its headers; its value's bytes."""

    key: Any
    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int = 0


@dataclass(slots=True)
class Versions:
    """The rows as the changes told so far leave them: PostgreSQL does not send the old values of most updates."""

    _rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def replace(self, key: str, row: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Takes note of a row, and returns what it was before, None where that is not known."""
        before = self._rows.pop(key, None)
        if row is not None:
            self._rows[key] = row
            if len(self._rows) > _KEPT_VERSIONS:
                del self._rows[next(iter(self._rows))]
        return before


def line(kind: TopicKind, message: Decoded, versions: Versions) -> str:
    """The message in one line, without its place and time."""
    key, value = message.key, message.value
    if kind is TopicKind.DEAD_LETTERS:
        return _dead_letter(message)
    if isinstance(value, Undecodable):
        return f"{_key(key)}: can't be decoded ({value.reason}): {value.hex}"
    if value is None:
        return f"tombstone {_key(key)}"
    try:
        if kind in _TELLERS:
            return _TELLERS[kind](value)
        if isinstance(value, Mapping) and "op" in value and "after" in value:
            return _change(key, value, message.headers, versions)
    except (KeyError, TypeError, ValueError, AttributeError):
        pass  # a message of another shape than ours is shown as it is
    return f"{_key(key)}: {short(plain(value), 500)}"


def _key(key: Any) -> str:
    if key is None:
        return "(no key)"
    return f"(key {key.hex})" if isinstance(key, Undecodable) else shown_key(key)


def _change(key: Any, envelope: Mapping[str, Any], headers: Mapping[str, str], versions: Versions) -> str:
    shown, after = _key(key), envelope["after"]
    head = f"{_OPERATIONS.get(envelope['op'], envelope['op'])} {shown}"
    before = versions.replace(shown, after) or envelope.get("before")
    if after is None:
        return f"{head}: its key became {_other_key(headers[NEW_KEY])}" if NEW_KEY in headers else head
    if envelope["op"] == "u":
        return f"{head}: {changes_text(before, after)}"
    was = f" (its key was {_other_key(headers[OLD_KEY])})" if OLD_KEY in headers else ""
    return f"{head}{was}: {values_text(after)}"


def _other_key(header: str) -> str:
    return shown_key(json.loads(header))


def _edit(edit: Mapping[str, Any]) -> str:
    cells = ", ".join(f"{cell['column']} {short(cell['shown'])}" for cell in edit["cells"])
    what = {"CELLS": "edit", "INSERT": "new row", "DELETE": "deleted row", "RETURN": "row that came back"}
    told = f": {cells}" if cells and edit["kind"] != "DELETE" else ""
    where = f"{edit['binding']}/{shown_key(edit['row_key'])}"
    return f"{what.get(edit['kind'], edit['kind'])} {where}, seen by {edit['how'].lower()}{told}"


def _result(envelope: Mapping[str, Any]) -> str:
    after = envelope["after"]
    if after is None:
        return "an old result is forgotten"
    if after["kind"] == "claim":
        keys = ", ".join(map(shown_key, json.loads(after["keys"])))
        return f"claim {after['binding']}/{keys}: transaction {after['xid']} is about to answer"
    if after["kind"] == "truncate":
        return f"truncate {after['binding']}"
    answers = ", ".join(map(_answer, json.loads(after["answers"])))
    return f"answer {after['binding']}/{shown_key(after['row_key'])}: {answers}"


def _answer(entry: Mapping[str, Any]) -> str:
    what = "row" if entry["column"] is None else f"{entry['column']} {short(entry['value'])}"
    key = f", its key is {shown_key(entry['key'])}" if entry.get("key") else ""
    because = f" ({entry['reason']})" if entry.get("reason") else ""
    return f"{what} {entry['outcome']}, no. {entry['number']}{key}{because}"


def _signal(signal: Mapping[str, Any]) -> str:
    whom = signal["binding"] or f"every binding of {signal['spreadsheet_id']}"
    rows = "" if signal["start_row"] is None else f", rows {signal['start_row'] + 1} to {signal['end_row']}"
    argument = f": {signal['argument']}" if signal["argument"] else ""
    return f"{signal['kind'].lower()} {whom}{rows}{argument}"


def _status(status: Mapping[str, Any]) -> str:
    counts = {
        "rows": status["rows"],
        "lag": status["lag_messages"],
        "edits waiting": status["edits_waiting"],
        "incomplete": status["incomplete"],
        "held": status["held"],
        "parked": status["parked"],
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "rows")
    problem = f"; {status['problem']}" if status["problem"] else ""
    return f"{status['binding']} {status['state']} by {status['owner']}: {told}{problem}"


def _dead_letter(message: Decoded) -> str:
    headers = message.headers
    origin = f"{headers.get('tabstream.topic')} {headers.get('tabstream.partition')}/{headers.get('tabstream.offset')}"
    return f"from {origin}, {message.size} bytes: {headers.get('tabstream.reason')}"


_TELLERS: Mapping[TopicKind, Callable[[Mapping[str, Any]], str]] = {
    TopicKind.EDITS: _edit,
    TopicKind.RESULTS: _result,
    TopicKind.SIGNALS: _signal,
    TopicKind.STATUS: _status,
}
