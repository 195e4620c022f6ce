"""Held values, in a real database with a database sink: applied or dropped for good, whatever is reported once more."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabstream.config import Settings
from tabstream.core.edits import Edit
from tabstream.errors import OperatorError
from tabstream.operations.conflicts import find_conflicts
from tabstream.operations.held import Cell, apply, drop, list_held
from tabstream.postgres.connection import Connection
from tests.database_sink.conftest import LEADS
from tests.database_sink.desk import Desk, cell, edit, leads, now_ms

NAME = Cell("leads", "1", "name")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    file = tmp_path / "bindings.yaml"
    file.write_text(
        "version: 1\nspreadsheets: {book: {id: 1x9fQkzJY0aTQ3o7r5sVtS2mJcB4n8eWdL6hGpUqRtXw}}\n"
        "bindings: [{name: leads, table: leads, spreadsheet: book, tab: Leads, conflict: hold}]\n",
        encoding="utf-8",
    )
    return Settings(database_url=database_url, bindings_file=file)


@pytest.fixture
def desk(database_url: str, database: Connection) -> Iterator[Desk]:
    database.execute(LEADS.encode())
    with Desk(database_url, database, leads(conflict="hold")) as made:
        yield made


@pytest.fixture
def held(desk: Desk) -> Edit:
    """A person has typed Ida over a name that the database had changed to Ada: it is held."""
    made = edit(1, cell("name", "Ida", "Old"))
    [answer] = desk.send(made)
    assert answer.outcome("name") == "held"
    return made


def again(desk: Desk, held: Edit) -> str:
    """What the same edit is answered when it is reported once more, by a late retry."""
    [answer] = desk.send(replace(held, read_begin_ms=now_ms(), read_end_ms=now_ms()))
    return answer.outcome("name")


def name(desk: Desk) -> object:
    row = desk.row(1, "name")
    return row[0] if row else None


def winners(settings: Settings) -> list[str]:
    return [conflict.winner for conflict in find_conflicts(settings, "leads", None, 10).shown]


def test_what_waits_is_listed_with_both_values(settings: Settings, held: Edit) -> None:
    [value] = list_held(settings, "leads")
    assert (value.binding, value.row_key, value.column) == ("leads", "[1]", "name")
    assert (value.sheet_value, value.database_value) == ("Ida", "Ada")
    assert winners(settings) == ["held"]


def test_an_applied_value_is_in_the_table_and_stays(desk: Desk, settings: Settings, held: Edit) -> None:
    assert apply(settings, NAME).sheet_value == "Ida"
    assert name(desk) == "Ida"
    assert list_held(settings, None) == []
    assert winners(settings) == ["sheet"]
    assert again(desk, held) == "same"
    assert name(desk) == "Ida"
    assert list_held(settings, None) == []


def test_an_applied_value_is_not_taken_back_by_a_reading_of_the_value_before(
    desk: Desk, settings: Settings, held: Edit
) -> None:
    [value] = list_held(settings, None)
    apply(settings, NAME)
    desk.send(edit(1, cell("name", "Ada", "Ada", number=value.number)))
    assert name(desk) == "Ida"


def test_a_dropped_value_leaves_the_table_and_is_answered(desk: Desk, settings: Settings, held: Edit) -> None:
    desk.answers()
    shown = drop(settings, NAME).number
    [answer] = desk.answers()
    assert answer.cells["name"]["number"] > shown, "the mark shows that number already: nothing would take the note away"
    assert (answer.row_key, answer.outcome("name"), answer.cells["name"]["value"]) == ("[1]", "lost", "Ida")
    assert answer.data is not None
    assert answer.data["name"] == "Ada"
    assert answer.lsn == "0/0"
    assert name(desk) == "Ada"
    assert list_held(settings, None) == []
    assert winners(settings) == ["database"]
    assert again(desk, held) == "lost"
    assert list_held(settings, None) == []


def test_typing_it_anew_after_a_drop_is_a_new_edit(desk: Desk, settings: Settings, held: Edit) -> None:
    [value] = list_held(settings, None)
    drop(settings, NAME)
    [_, answer] = desk.send(edit(1, cell("name", "Ida", "Ada", number=value.number)))
    assert answer.outcome("name") == "applied"
    assert name(desk) == "Ida"


def test_a_row_that_has_changed_since_is_looked_at_first(desk: Desk, settings: Settings, held: Edit) -> None:
    desk.database.execute("UPDATE leads SET name = 'Eve' WHERE lead_id = 1")
    with pytest.raises(OperatorError, match='it had "Ada" when the value was held, and has "Eve"'):
        apply(settings, NAME)
    assert (name(desk), len(list_held(settings, None))) == ("Eve", 1)
    apply(settings, NAME, anyway=True)
    assert name(desk) == "Ida"


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (Cell("nobody", "1", "name"), "there is no binding"),
        (Cell("leads", "2", "name"), "nothing waits for the cell 2 name"),
        (Cell("leads", "1", "email"), "nothing waits for the cell 1 email"),
        (Cell("leads", "1,2", "name"), "is no key"),
        (Cell("leads", "", "name"), "'' is no key: lead_id is empty"),
    ],
)
def test_a_cell_bad(settings: Settings, held: Edit, where: Cell, problem: str) -> None:
    for act in (apply, drop):
        with pytest.raises(OperatorError, match=problem):
            act(settings, where)
    assert len(list_held(settings, None)) == 1


def test_a_value_that_the_database_refuses_still_waits(desk: Desk, settings: Settings) -> None:
    desk.send(edit(1, cell("email", "bob@x.org", "old@x.org")))
    with pytest.raises(OperatorError, match="the database refuses it: another row already has email"):
        apply(settings, Cell("leads", "1", "email"))
    assert len(list_held(settings, None)) == 1


def test_a_row_that_is_gone_or_locked_is_told(desk: Desk, settings: Settings, held: Edit) -> None:
    with desk.database.transaction():
        desk.database.execute("SELECT 1 FROM leads WHERE lead_id = 1 FOR UPDATE")
        with pytest.raises(OperatorError, match="has locked the row"):
            apply(settings, NAME)
    desk.database.execute("DELETE FROM leads WHERE lead_id = 1")
    with pytest.raises(OperatorError, match="the row is gone"):
        apply(settings, NAME)
    assert len(list_held(settings, None)) == 1
    drop(settings, NAME)
    assert list_held(settings, None) == []


def test_a_binding_that_nobody_knows_is_refused(settings: Settings, held: Edit) -> None:
    with pytest.raises(OperatorError, match="there is no binding 'nobody'"):
        list_held(settings, "nobody")
