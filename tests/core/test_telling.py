"""Messages of our topics in one line."""

import json
from typing import Any

import pytest

from tabstream.core.telling import Decoded, TopicKind, Undecodable, Versions, line

KEY = {"lead_id": 17}


def change(op: str, after: dict[str, Any] | None, before: dict[str, Any] | None = None, **headers: str) -> Decoded:
    return Decoded(KEY, {"op": op, "before": before, "after": after, "source": {}}, headers)


def told(kind: TopicKind, value: Any, key: Any = None, **more: Any) -> str:
    return line(kind, Decoded(key, value, **more), Versions())


def test_an_update_tells_old_and_new_values() -> None:
    before, after = {"lead_id": 17, "name": "Ada"}, {"lead_id": 17, "name": "Bob"}
    assert line(TopicKind.OTHER, change("u", after, before), Versions()) == 'update 17: name: "Ada" -> "Bob"'


def test_old_values_that_the_message_lacks_are_those_told_before() -> None:
    versions = Versions()
    rows = [{"lead_id": 17, "name": name} for name in ("Ada", "Bob", "Cy")]
    lines = [line(TopicKind.OTHER, change(op, row), versions) for op, row in zip("ruu", rows, strict=True)]
    assert lines == [
        'snapshot 17: lead_id 17, name "Ada"',
        'update 17: name: "Ada" -> "Bob"',
        'update 17: name: "Bob" -> "Cy"',
    ]
    assert line(TopicKind.OTHER, change("d", None), versions) == "delete 17"
    assert line(TopicKind.OTHER, Decoded(KEY, None), versions) == "tombstone 17"
    assert line(TopicKind.OTHER, change("u", rows[0]), versions) == 'update 17: now lead_id 17, name "Ada"'


def test_a_changed_key_names_the_other_one() -> None:
    assert (
        line(TopicKind.OTHER, change("d", None, **{"__debezium.newkey": json.dumps({"lead_id": 18})}), Versions())
        == "delete 17: its key became 18"
    )
    assert (
        line(TopicKind.OTHER, change("c", {"lead_id": 17}, **{"__debezium.oldkey": json.dumps({"lead_id": 16})}), Versions())
        == "insert 17 (its key was 16): lead_id 17"
    )


CELL = {"column": "company", "value": "Bcme", "shown": "Bcme", "base": "x", "number": 3}


@pytest.mark.parametrize(
    ("kind", "cells", "text"),
    [
        ("CELLS", [CELL], 'edit leads/17, seen by trigger: company "Bcme"'),
        ("INSERT", [CELL], 'new row leads/17, seen by trigger: company "Bcme"'),
        ("DELETE", [CELL], "deleted row leads/17, seen by trigger"),
    ],
)
def test_an_edit_tells_what_was_seen_and_how(kind: str, cells: list[Any], text: str) -> None:
    edit = {"binding": "leads", "row_key": "[17]", "kind": kind, "how": "TRIGGER", "cells": cells}
    assert told(TopicKind.EDITS, edit) == text


def test_results_tell_claims_and_answers() -> None:
    claim = {"kind": "claim", "binding": "leads", "xid": 812, "keys": '["[17]","new:4c"]'}
    assert told(TopicKind.RESULTS, {"after": claim}) == "claim leads/17, new:4c: transaction 812 is about to answer"
    answers = [
        {"column": None, "value": None, "outcome": "inserted", "number": 8, "reason": None, "key": "[18]"},
        {"column": "amount", "value": "x", "outcome": "rejected", "number": 9, "reason": "no number"},
    ]
    answer = {"kind": "answer", "binding": "leads", "row_key": "new:4c", "answers": json.dumps(answers)}
    assert told(TopicKind.RESULTS, {"after": answer}) == (
        'answer leads/new:4c: row inserted, no. 8, its key is 18, amount "x" rejected, no. 9 (no number)'
    )
    assert told(TopicKind.RESULTS, {"after": {"kind": "truncate", "binding": "public.leads"}}) == "truncate public.leads"


def test_signals_and_statuses_are_short() -> None:
    signal = {"kind": "PAUSE", "binding": "leads", "spreadsheet_id": "S", "argument": "month end", "start_row": None}
    assert told(TopicKind.SIGNALS, signal) == "pause leads: month end"
    poke = {"kind": "POKE", "binding": None, "spreadsheet_id": "S", "argument": None, "start_row": 4, "end_row": 9}
    assert told(TopicKind.SIGNALS, poke) == "poke every binding of S, rows 5 to 9"
    status = {"binding": "leads", "state": "PAUSED", "owner": "sink-1", "rows": 0, "lag_messages": 2, "edits_waiting": 0}
    rest = {"incomplete": 0, "held": 1, "parked": 0, "problem": "no tab"}
    assert told(TopicKind.STATUS, status | rest) == "leads PAUSED by sink-1: 0 rows, 2 lag, 1 held; no tab"


def test_a_dead_letter_tells_where_it_comes_from_and_why() -> None:
    headers = {"tabstream.topic": "tabstream.edits", "tabstream.partition": "3", "tabstream.offset": "120"}
    letter = Decoded("leads/[17]", Undecodable("00", "short"), {**headers, "tabstream.reason": "short"}, 1)
    assert line(TopicKind.DEAD_LETTERS, letter, Versions()) == "from tabstream.edits 3/120, 1 bytes: short"


@pytest.mark.parametrize("kind", list(TopicKind))
def test_a_message_of_another_shape_is_shown_as_it_is(kind: TopicKind) -> None:
    assert "17" in told(kind, {"some": 17}, "k") or kind is TopicKind.DEAD_LETTERS
    assert told(TopicKind.OTHER, Undecodable("0102", "no schema"), "k") == "k: can't be decoded (no schema): 0102"
    assert told(TopicKind.OTHER, "text", None) == '(no key): "text"'


def test_only_so_many_versions_are_kept() -> None:
    versions = Versions()
    for number in range(10_001):
        versions.replace(str(number), {"n": number})
    assert versions.replace("0", {}) is None
    assert versions.replace("10000", {}) == {"n": 10_000}
