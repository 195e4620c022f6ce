"""What becomes of edits, on a real database: applied, rejected, lost, repeated, parked; and what is answered."""

import psycopg
import pytest

from tabstream.core.edits import EditKind
from tests.database_sink.desk import Desk, cell, edit, leads, new_row, now_ms


def test_an_edit_is_applied_and_answered_with_the_row(desk: Desk) -> None:
    answer = desk.send(edit(1, cell("name", "Ada L", "Ada")))[0]
    assert answer.outcome("name") == "applied"
    assert answer.data is not None
    assert (answer.data["name"], answer.data["email"]) == ("Ada L", "ada@x.org")
    assert desk.row(1, "name") == ("Ada L",)


def test_several_cells_of_a_row_are_one_answer(desk: Desk) -> None:
    answers = desk.send(edit(2, cell("name", "Robert", "Bob"), cell("active", True, False), cell("amount", 25, 20)))
    assert {column: entry["outcome"] for column, entry in answers[0].cells.items()} == dict.fromkeys(
        ("name", "active", "amount"), "applied"
    )
    assert desk.row(2, "name, active, amount::int") == ("Robert", True, 25)


def test_the_same_observation_again_is_answered_and_not_applied(desk: Desk) -> None:
    read = now_ms()
    first = desk.send(edit(1, cell("name", "Ada L", "Ada"), read_ms=read))[0]
    desk.database.execute("UPDATE leads SET name = 'the database' WHERE lead_id = 1")
    again = desk.send(edit(1, cell("name", "Ada L", "Ada"), read_ms=read + 5_000))[0]
    assert again.cells["name"]["number"] == first.cells["name"]["number"]
    assert desk.row(1, "name") == ("the database",)


def test_a_b_a_ends_as_a(desk: Desk) -> None:
    start = now_ms()
    one = desk.send(edit(1, cell("name", "B", "Ada"), read_ms=start))[0]
    number = one.cells["name"]["number"]
    desk.send(edit(1, cell("name", "Ada", "B", number), read_ms=start + 300))
    assert desk.row(1, "name") == ("Ada",)


def test_an_older_observation_never_beats_a_newer(desk: Desk) -> None:
    start = now_ms()
    desk.send(edit(1, cell("name", "newer", "Ada"), read_ms=start))
    desk.send(edit(1, cell("name", "older", "Ada"), read_ms=start - 500))
    assert desk.row(1, "name") == ("newer",)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("status", None, "empty"),
        ("amount", -1, "amount"),
        ("amount", "much", "much"),
        ("status", "lukewarm", "lukewarm"),
        ("email", "bob@x.org", "email"),
        ("email", "x" * 31, "30"),
    ],
)
def test_what_the_table_can_t_take_is_rejected_with_the_reason_bad(desk: Desk, column: str, value: object, said: str) -> None:
    base = {"name": "Ada", "amount": 10, "status": "new", "email": "ada@x.org"}[column]
    before = desk.row(1)
    answer = desk.send(edit(1, cell(column, value, base)))[0]  # type: ignore[arg-type]
    assert answer.outcome(column) == "rejected"
    assert said in answer.cells[column]["reason"]
    assert desk.row(1) == before


def test_a_bad_edit_does_not_hurt_its_neighbours(desk: Desk) -> None:
    desk.database.execute("INSERT INTO leads (lead_id, name) SELECT n, 'old' FROM generate_series(200, 230) n")
    edits = [edit(n, cell("name", f"new {n}", "old")) for n in range(200, 231)]
    edits[7] = edit(207, cell("email", "bob@x.org"))
    edits[19] = edit(219, cell("amount", -1))
    answers = {answer.row_key: answer for answer in desk.send(*edits)}
    assert len(answers) == 31
    assert answers["[207]"].outcome("email") == answers["[219]"].outcome("amount") == "rejected"
    assert desk.count("leads WHERE name LIKE 'new %'") == 29


def test_a_value_that_the_database_normalises_is_answered_as_it_is_there(desk: Desk) -> None:
    answer = desk.send(edit(1, cell("active", "yes", True), cell("amount", 1.005, 10)))[0]
    assert answer.data is not None
    assert (answer.data["active"], answer.data["amount"]) == ("true", "1.01")


@pytest.mark.parametrize(("column", "base", "stored"), [("name", "Ada", ""), ("email", "ada@x.org", None)])
def test_a_cleared_cell_is_null_where_the_column_allows_it_else_empty(
    desk: Desk, column: str, base: str, stored: str | None
) -> None:
    assert desk.send(edit(1, cell(column, None, base)))[0].outcome(column) == "applied"
    assert desk.row(1, column) == (stored,)


def test_the_later_of_two_sides_wins_and_the_loser_is_on_record(desk: Desk) -> None:
    desk.database.execute("UPDATE leads SET name = 'the database' WHERE lead_id = 1")
    answer = desk.send(edit(1, cell("name", "the sheet", "Ada"), read_ms=now_ms() - 60_000))[0]
    assert answer.outcome("name") == "lost"
    assert desk.row(1, "name") == ("the database",)
    answer = desk.send(edit(1, cell("name", "the sheet, later", "Ada"), read_ms=now_ms() + 60_000))[0]
    assert answer.outcome("name") == "applied"
    assert desk.row(1, "name") == ("the sheet, later",)
    assert desk.count("tabstream.conflict") == 2


@pytest.mark.parametrize(
    ("rule", "outcome", "name"),
    [("database_wins", "lost", "the database"), ("sheet_wins", "applied", "the sheet"), ("hold", "held", "the database")],
)
def test_other_rules_decide_whatever_the_time(desk: Desk, rule: str, outcome: str, name: str) -> None:
    desk.bind(leads(conflict=rule))
    desk.database.execute("UPDATE leads SET name = 'the database' WHERE lead_id = 1")
    answer = desk.send(edit(1, cell("name", "the sheet", "Ada"), read_ms=now_ms() + 60_000))[0]
    assert answer.outcome("name") == outcome
    assert desk.row(1, "name") == (name,)
    assert desk.count("tabstream.held") == (1 if rule == "hold" else 0)


def test_another_column_changed_in_the_database_is_no_conflict(desk: Desk) -> None:
    desk.database.execute("UPDATE leads SET email = 'new@x.org' WHERE lead_id = 1")
    desk.send(edit(1, cell("name", "Ada L", "Ada"), read_ms=now_ms() - 60_000))
    assert desk.row(1, "name, email") == ("Ada L", "new@x.org")
    assert desk.count("tabstream.conflict") == 0


def test_a_new_row_is_inserted_once_for_its_token(desk: Desk) -> None:
    first = desk.send(new_row("t1", name="Dan", amount=5))[0]
    again = desk.send(new_row("t1", name="Dan", amount=5))[0]
    assert first.row is not None and again.row is not None
    assert first.row["outcome"] == "inserted"
    assert first.row["key"] == again.row["key"]
    assert desk.count("leads WHERE name = 'Dan'") == 1


def test_a_new_row_that_breaks_a_constraint_is_rejected_bad(desk: Desk) -> None:
    answer = desk.send(new_row("t1", name="Dan", email="ada@x.org"))[0]
    assert answer.row is not None
    assert answer.row["outcome"] == "rejected"
    assert "email" in answer.row["reason"]
    assert desk.count("leads") == 3


def test_a_deleted_row_is_deleted(desk: Desk) -> None:
    shown = [cell(c, v, v) for c, v in (("name", "Ada"), ("email", "ada@x.org"), ("amount", 10), ("active", True))]
    answer = desk.send(edit(1, *shown, kind=EditKind.DELETE))[0]
    assert answer.row is not None and answer.row["outcome"] == "deleted"
    assert desk.row(1) is None


def test_a_row_that_is_gone_rejects_edits_of_it_bad(desk: Desk) -> None:
    answer = desk.send(edit(99, cell("name", "ghost", "was")))[0]
    assert {entry["outcome"] for entry in answer.cells.values()} == {"rejected"}
    assert answer.data is None


def test_a_locked_row_waits_alone(desk: Desk, database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("SELECT * FROM leads WHERE lead_id = 1 FOR UPDATE")
        answers = desk.send(edit(1, cell("name", "Ada L", "Ada")), edit(2, cell("name", "Robert", "Bob")))
        assert [answer.row_key for answer in answers] == ["[2]"]
        assert desk.count("tabstream.parked_edit") == 1
        other.rollback()
    assert [answer.outcome("name") for answer in desk.retry()] == ["applied"]
    assert desk.row(1, "name") == ("Ada L",)
    assert desk.count("tabstream.parked_edit") == 0


def test_progress_and_answers_are_in_the_transaction_of_the_rows(desk: Desk) -> None:
    desk.send(edit(1, cell("name", "Ada L", "Ada")), edit(2, cell("name", "Robert", "Bob")))
    assert desk.progress() == 2
    kinds = desk.database.execute(
        "SELECT kind, count(*), count(DISTINCT xid) FROM tabstream.edit_result GROUP BY kind ORDER BY min(id)"
    ).fetchall()
    assert kinds == [("claim", 1, 1), ("answer", 2, 1)]
