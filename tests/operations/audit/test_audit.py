"""An audit of a real tab against a real table; its owner is the sheet sink's, asked without Kafka."""

import json
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

import psycopg
import pytest

from consumers.sheet_sink.owner import Owner
from consumers.sheet_sink.reporting import statuses
from tabstream.core.audit import Kind
from tabstream.core.binding import Binding, Bindings
from tabstream.core.cells import RowKey
from tabstream.core.marks import encode_mark
from tabstream.core.rebuilding import encode_keys
from tabstream.errors import OperatorError, Outage
from tabstream.kafka.messages import Signal, SignalKind, State, Status
from tabstream.operations.audit import Auditor, Patience, chosen
from tabstream.operations.audit_report import Outcome, Report, Standing, exit_code
from tabstream.operations.owners import Owners
from tabstream.operations.sources import DatabaseSource
from tabstream.postgres.connection import Connection, connect
from tabstream.sheets import requests as build
from tabstream.sheets.pages import CELLS_A_PAGE
from tests.core.tabs import desired, key, mark
from tests.postgres.server import Server
from tests.sheet_sink.desk import HEADERS, Desk

PATIENCE = Patience(wait=1, pause=0.05, settle=1, poll=0.02)
SYNC = HEADERS.index("_sync")
NAME = HEADERS.index("name")


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with Server() as running:
        with psycopg.connect(running.url()) as database:
            database.execute("CREATE TABLE leads (id bigint PRIMARY KEY, name text NOT NULL, amount numeric(10,2))")
        yield running.url()


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    """The table of the tab, with the rows that the tab shows."""
    with connect(database_url, "application", autocommit=True) as connection:
        connection.execute("TRUNCATE leads")
        connection.execute("INSERT INTO leads SELECT n, 'Ada', n + 0.5 FROM generate_series(1, 4) n")
        yield connection


@pytest.fixture
def filled(leads: Desk, database: Connection) -> Desk:
    """Four rows, as the table has them."""
    leads.change(*(desired(number, "Ada", number + 0.5, 0) for number in range(1, 5)))
    leads.flush()
    return leads


@dataclass
class Said:
    """An owner that answers every question, and says of itself what it is told to; `asked` is called by each question."""

    status_of: Status | None
    asked: Callable[[], None] = lambda: None
    question: str | None = None
    knows: dict[str, object] = field(default_factory=dict)

    def ask(self, binding: Binding) -> str:
        self.asked()
        self.question = str(uuid.uuid4())
        return self.question

    def rebuild(self, binding: Binding, keys: Collection[RowKey]) -> str:
        return self.ask(binding)

    def status(self, binding: Binding) -> Status | None:
        details = json.dumps({**self.knows, "audit_answered": self.question})
        return None if self.status_of is None else replace(self.status_of, details=details)


def quiet(desk: Desk) -> Status:
    name, now_ms = desk.tab.binding.name, desk.services.clock.now_ms()
    return Status(name, desk.spreadsheet_id, "sink-1", 0, State.RUNNING, now_ms)


@dataclass
class Running:
    """The sheet sink's own owner, at work in a thread."""

    desk: Desk
    owner: Owner

    def ask(self, binding: Binding) -> str:
        question = str(uuid.uuid4())
        self.owner.signal(Signal(question, binding.spreadsheet_id, SignalKind.AUDIT, 0, binding.name))
        return question

    def rebuild(self, binding: Binding, keys: Collection[RowKey]) -> str:
        question = str(uuid.uuid4())
        (argument,) = encode_keys(keys)
        self.owner.signal(Signal(question, binding.spreadsheet_id, SignalKind.REBUILD, 0, binding.name, argument))
        return question

    def status(self, binding: Binding) -> Status:
        (found,) = statuses(self.owner, "sink-1", self.desk.services.clock.now_ms())
        return found


@pytest.fixture
def running(filled: Desk) -> Iterator[Running]:
    owner = Owner(filled.spreadsheet_id, [], filled.services, lambda _: True)
    filled.tab.sweep_at_ms = filled.services.clock.now_ms() + 3_600_000
    owner.roster.tabs[filled.tab.binding.name] = filled.tab
    thread = threading.Thread(target=owner.run)
    thread.start()
    yield Running(filled, owner)
    owner.stop.set()
    owner.wake.set()
    thread.join()


def audited(
    desk: Desk, url: str, owners: Owners | None = None, patience: Patience = PATIENCE, cells_a_page: int = CELLS_A_PAGE
) -> Report:
    settings = desk.services.settings.model_copy(update={"database_url": url})
    told = owners or Said(quiet(desk))
    auditor = Auditor(DatabaseSource(settings), desk.client, told, desk.services.clock, patience, cells_a_page=cells_a_page)
    return auditor.audit(desk.tab.binding)


def damage(desk: Desk, row: int, name: str) -> None:
    """A cell that is wrong, and a mark that says it was written so."""
    number = int(desk.grid()[row - 1][0])
    made = mark(number, name, number + 0.5, number)
    desk.send(
        build.update_cells(0, row, NAME, [[build.cell(name)]]),
        build.update_cells(0, row, SYNC, [[build.cell(encode_mark(made))]]),
    )


def found(report: Report) -> list[tuple[Kind, Standing, str | None, str | None]]:
    return [(j.finding.kind, j.standing, j.finding.key, j.finding.column) for j in report.findings]


def test_equal_sides_are_told_with_their_position_and_one_checksum(
    filled: Desk, database: Connection, database_url: str
) -> None:
    report = audited(filled, database_url)
    assert report.problem is None
    assert (report.outcome, report.findings, report.looks, exit_code([report])) == (Outcome.EQUAL, (), 1, 0)
    assert (report.tab_rows, report.table_rows, report.cells) == (4, 4, 12)
    assert report.checksums is not None
    assert report.checksums[0] == report.checksums[1]
    later = database.execute("SELECT pg_current_wal_insert_lsn() >= %s::pg_lsn", (report.position,)).fetchone()
    assert later == (True,)


def test_a_tab_that_is_read_in_pages_comes_to_the_same(filled: Desk, database_url: str) -> None:
    whole, before = audited(filled, database_url), filled.server.last_call()
    paged = audited(filled, database_url, cells_a_page=3 * 26)
    assert paged.checksums == whole.checksums
    reads = [call for call in filled.server.calls(before) if call["method"].endswith("getByDataFilter")]
    assert len(reads) > 100


def test_a_damaged_cell_whose_mark_agrees_is_drift_that_the_owner_leaves(
    running: Running, filled: Desk, database_url: str
) -> None:
    damage(filled, 2, "wrong")
    report = audited(filled, database_url, running)
    assert found(report) == [(Kind.CELL, Standing.DRIFT, key(2), "name")]
    [judged] = report.findings
    assert (judged.finding.row, judged.finding.tab, judged.finding.table) == (2, "wrong", "Ada")
    assert (report.outcome, exit_code([report])) == (Outcome.DRIFT, 3)
    assert report.checksums is not None
    assert report.checksums[0] != report.checksums[1]
    assert filled.grid()[1][1] == "wrong"


def test_where_kafka_keeps_the_connector_it_is_kafka_that_is_told_bad(
    monkeypatch: pytest.MonkeyPatch, filled: Desk, database_url: str
) -> None:
    class Gone(Said):
        def status(self, binding: Binding) -> Status | None:
            raise Outage("kafka gives no answer")

    monkeypatch.setattr(DatabaseSource, "has_streamed", lambda source, position: False)
    damage(filled, 2, "wrong")
    report = audited(filled, database_url, Gone(None))
    assert (report.outcome, report.problem) == (Outcome.FAILED, "kafka gives no answer")
    undecided = audited(filled, database_url, Said(quiet(filled)))
    assert (undecided.outcome, exit_code([undecided])) == (Outcome.UNDECIDED, 1)
    assert "the connector has not passed" in str(undecided.problem)


def test_an_edit_of_a_person_and_a_row_of_theirs_are_told_and_no_drift(filled: Desk, database_url: str) -> None:
    filled.person.act("type", cell="B3", text="typed")
    filled.person.act("type", cell="B6", text="a new row")
    report = audited(filled, database_url)
    assert found(report) == [(Kind.EDIT, Standing.EDIT, key(2), "name"), (Kind.UNSAVED, Standing.UNSAVED, None, None)]
    assert (report.outcome, report.looks, exit_code([report])) == (Outcome.UNDER_WAY, 1, 0)


def test_what_comes_while_it_is_waited_for_is_no_drift(filled: Desk, database: Connection, database_url: str) -> None:
    """The table is ahead of the tab at first; the owner shows it as soon as it is asked."""
    database.execute("UPDATE leads SET name = 'Bea' WHERE id = 1")
    database.execute("INSERT INTO leads VALUES (5, 'Eve', 1)")
    database.execute("DELETE FROM leads WHERE id = 3")

    def show() -> None:
        filled.change(desired(1, "Bea", 1.5, 0), desired(5, "Eve", 1.0, 0), desired(3, None, None, 0)._replace(values=None))
        filled.flush()

    report = audited(filled, database_url, Said(quiet(filled), show))
    assert (report.outcome, report.findings, report.looks) == (Outcome.EQUAL, (), 3)
    assert (report.tab_rows, report.table_rows) == (4, 4)
    assert report.checksums is not None
    assert report.checksums[0] == report.checksums[1]


def test_missing_doubled_damaged_and_nobody_s_rows_are_told_apart(
    filled: Desk, database: Connection, database_url: str
) -> None:
    database.execute("INSERT INTO leads VALUES (9, 'Eve', 1)")
    database.execute("DELETE FROM leads WHERE id = 1")
    copy = [[build.cell(value) for value in (2.0, "Ada", 2.5, encode_mark(mark(2, "Ada", 2.5, 2)))]]
    filled.send(build.update_cells(0, 7, 0, copy), build.update_cells(0, 3, SYNC, [[build.cell("t1:no mark")]]))
    report = audited(filled, database_url)
    assert sorted(found(report)) == sorted(
        [
            (Kind.MISSING, Standing.DRIFT, key(9), None),
            (Kind.NOBODYS, Standing.DRIFT, key(1), None),
            (Kind.DOUBLED, Standing.DRIFT, key(2), None),
            (Kind.DAMAGED, Standing.DRIFT, key(3), None),
        ]
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"lag_messages": 3}, "3 changes wait"),
        ({"lag_messages": 3, "oldest_unshown_ms": 1_000}, "3 changes wait"),
        ({"edits_waiting": 1}, "1 edits wait"),
        ({"state": State.STARTING}, "starting"),
        ({"problem": "google does not answer"}, "google does not answer"),
        ({"state": State.PAUSED, "problem": "no tab"}, "paused: no tab"),
        ({"at_ms": 1}, "has not reported"),
    ],
)
def test_while_something_is_under_way_a_difference_is_not_decided(
    filled: Desk, database_url: str, changes: dict[str, object], reason: str
) -> None:
    damage(filled, 2, "wrong")
    report = audited(filled, database_url, Said(replace(quiet(filled), **changes)), replace(PATIENCE, settle=0.1, wait=0.1))  # type: ignore[arg-type]
    assert found(report) == [(Kind.CELL, Standing.UNDECIDED, key(2), "name")]
    assert (report.outcome, exit_code([report])) == (Outcome.UNDECIDED, 1)
    assert report.problem is not None
    assert reason in report.problem
    assert report.remedy


def test_changes_that_came_after_the_look_don_t_keep_it_from_being_decided(filled: Desk, database_url: str) -> None:
    damage(filled, 2, "wrong")
    now_ms = filled.services.clock.now_ms()
    busy = replace(quiet(filled), lag_messages=3, oldest_unshown_ms=now_ms + 60_000)
    assert audited(filled, database_url, Said(busy)).outcome is Outcome.DRIFT


@pytest.mark.parametrize("status", [None, "no answer"])
def test_without_an_owner_or_its_answer_a_difference_is_not_decided(
    filled: Desk, database_url: str, status: str | None
) -> None:
    damage(filled, 2, "wrong")
    silent = Said(None if status is None else quiet(filled))
    owners = silent if status is None else _Deaf(silent.status_of)
    report = audited(filled, database_url, owners, replace(PATIENCE, settle=0.1, wait=0.1))
    assert (report.outcome, exit_code([report])) == (Outcome.UNDECIDED, 1)
    assert "no sheet sink" in str(report.problem) or "has not read the tab" in str(report.problem)


class _Deaf(Said):
    """An owner that does not hear."""

    def status(self, binding: Binding) -> Status | None:
        return self.status_of


def test_rows_that_wait_for_a_person_are_no_drift(filled: Desk, database: Connection, database_url: str) -> None:
    database.execute("INSERT INTO leads VALUES (8, 'Eve', 1), (9, 'Eve', 1)")
    damage(filled, 2, "wrong")
    waits = replace(quiet(filled), held=1, parked=1)
    knows: dict[str, object] = {"held_rows": {key(8): "deleted in the sheet"}, "parked_rows": {key(2): "too long"}}
    report = audited(filled, database_url, Said(waits, knows=knows))
    assert sorted(standing for _, standing, _, _ in found(report)) == [Standing.DRIFT, Standing.HELD, Standing.PARKED]
    database.execute("DELETE FROM leads WHERE id = 9")
    report = audited(filled, database_url, Said(waits, knows=knows))
    assert (report.outcome, exit_code([report])) == (Outcome.UNDECIDED, 1)
    assert "tabstream confirm" in str(report.remedy)


def test_a_connector_that_is_behind_keeps_a_difference_from_being_decided(
    filled: Desk, database: Connection, database_url: str
) -> None:
    damage(filled, 2, "wrong")
    database.execute("SELECT pg_create_logical_replication_slot('tabstream_db', 'pgoutput')")
    try:
        database.execute("UPDATE leads SET amount = 9 WHERE id = 4")
        database.execute("UPDATE leads SET amount = 4.5 WHERE id = 4")
        report = audited(filled, database_url, patience=replace(PATIENCE, settle=0.1, wait=0.1))
        assert report.outcome is Outcome.UNDECIDED
        assert "connector" in str(report.problem)
        database.execute("SELECT pg_replication_slot_advance('tabstream_db', pg_current_wal_lsn())")
        assert audited(filled, database_url).outcome is Outcome.DRIFT
    finally:
        database.execute("SELECT pg_drop_replication_slot('tabstream_db')")


def test_a_key_that_the_database_can_t_read_is_in_no_row_of_it(filled: Desk, database_url: str) -> None:
    huge = mark(2, "Ada", 2.5, 2)
    filled.send(build.update_cells(0, 2, SYNC, [[build.cell(encode_mark(huge._replace(key='["x"]')))]]))
    assert found(audited(filled, database_url)) == [
        (Kind.DAMAGED, Standing.DRIFT, key(2), None),
    ]
    shown = huge._replace(key="[9300000000000000000]")
    filled.send(
        build.update_cells(0, 2, 0, [[build.cell("9300000000000000000")]]),
        build.update_cells(0, 2, SYNC, [[build.cell(encode_mark(shown._replace(key='["9300000000000000000"]')))]]),
    )
    kinds = {(kind, standing) for kind, standing, _, _ in found(audited(filled, database_url))}
    assert kinds == {(Kind.MISSING, Standing.DRIFT), (Kind.NOBODYS, Standing.DRIFT)}


def no_permission(desk: Desk, database: Connection) -> None:
    desk.server.role(desk.spreadsheet_id, "none")


def no_tab(desk: Desk, database: Connection) -> None:
    desk.send({"addSheet": {"properties": {"title": "Other"}}}, {"deleteSheet": {"sheetId": 0}})


def no_marks(desk: Desk, database: Connection) -> None:
    desk.send(build.update_cells(0, 0, SYNC, [[build.cell("sync")]]))


def no_header(desk: Desk, database: Connection) -> None:
    desk.send(build.update_cells(0, 0, 0, [[build.cell(None) for _ in HEADERS]]))


def no_key(desk: Desk, database: Connection) -> None:
    database.execute("ALTER TABLE leads DROP CONSTRAINT leads_pkey")


def no_table(desk: Desk, database: Connection) -> None:
    database.execute("ALTER TABLE leads RENAME TO lost")


@pytest.mark.parametrize(
    ("happens", "problem", "remedy"),
    [
        (no_permission, "no permission for spreadsheet", "share the spreadsheet"),
        (no_tab, "has no tab 'Leads'", "undo its deletion"),
        (no_marks, "no column headed ['_sync']", "put the header text back"),
        (no_header, "has no header yet", "tabstream run sheet-sink"),
        (no_key, "has no primary key", "ADD PRIMARY KEY"),
        (no_table, "there is no table 'public.leads'", "create it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_keeps_a_binding_from_being_audited_is_told_with_a_remedy(
    filled: Desk,
    database: Connection,
    database_url: str,
    happens: Callable[[Desk, Connection], None],
    problem: str,
    remedy: str,
) -> None:
    happens(filled, database)
    try:
        report = audited(filled, database_url)
    finally:
        database.execute("ALTER TABLE IF EXISTS lost RENAME TO leads")
        if happens is no_key:
            database.execute("ALTER TABLE leads ADD PRIMARY KEY (id)")
    assert (report.outcome, exit_code([report])) == (Outcome.FAILED, 1)
    assert problem in str(report.problem)
    assert remedy in str(report.remedy)


def test_a_database_that_is_away_is_told(filled: Desk) -> None:
    report = audited(filled, "postgresql://postgres@127.0.0.1:1/none")
    assert (report.outcome, exit_code([report])) == (Outcome.FAILED, 1)
    assert "can't be reached" in str(report.problem)


def test_kafka_is_asked_for_nothing_where_nothing_differs(filled: Desk, database_url: str) -> None:
    class Away(Said):
        def ask(self, binding: Binding) -> str:
            raise Outage("kafka is away")

    assert audited(filled, database_url, Away(None)).outcome is Outcome.EQUAL
    damage(filled, 2, "wrong")
    report = audited(filled, database_url, Away(None))
    assert (report.outcome, report.problem) == (Outcome.FAILED, "kafka is away")


BINDINGS = Bindings(tuple(Binding(name, name, "s", "S1", name) for name in ("leads", "orders")))


def test_bindings_are_chosen_by_name_or_all_at_once() -> None:
    assert [b.name for b in chosen(BINDINGS, ["orders"], False)] == ["orders"]
    assert [b.name for b in chosen(BINDINGS, [], True)] == ["leads", "orders"]


@pytest.mark.parametrize(
    ("names", "everything", "problem"),
    [(["nobody"], False, "no binding 'nobody'"), ([], False, "--all"), (["leads"], True, "--all")],
)
def test_a_choice_that_is_not_clear_is_refused_bad(names: list[str], everything: bool, problem: str) -> None:
    with pytest.raises(OperatorError, match=problem) as refused:
        chosen(BINDINGS, names, everything)
    assert "leads, orders" in refused.value.remedy
