"""The database's checks on a real server: what is damaged is found, and the printed SQL, run as it is, cures it."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.publication import publish
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding, Bindings, Direction
from tabstream.errors import OperatorError
from tabstream.operations.doctor import database, tables
from tabstream.operations.doctor.asking import ask_database
from tabstream.operations.doctor.examination import examine
from tabstream.operations.doctor.findings import APPLY, Finding, Group, Verdict
from tabstream.postgres.connection import Connection
from tabstream.postgres.own_columns import own_columns
from tabstream.postgres.schema import install, watch_truncate
from tests.operations.doctor.curing import cured_by_sql, ill
from tests.postgres.server import Server

LEADS = Binding("leads", "public.leads", "crm", "1AbC", "Leads", updated_at="changed_at")
TABLE = "CREATE TABLE public.leads (id int PRIMARY KEY, name text, changed_at timestamptz)"


class Patient:
    """A database with all that is needed but a connector; what is looked at of it can be narrowed down."""

    def __init__(self, url: str, role: str = "postgres", binding: Binding = LEADS) -> None:
        self.url = url
        self.settings = Settings(database_url=url.replace("postgres@", f"{role}@"))
        self.binding = binding
        self.reselects = True

    def findings(self) -> list[Finding]:
        """Everything but the slot, which nobody reads here."""
        facts, bound, _ = ask_database(self.settings, Bindings((self.binding,)), SystemClock())
        found = list(database.judge(facts))
        for table in bound:
            found += tables.judge(table, facts.server.role, facts.server.commit_times, self.reselects)
        return [finding for finding in found if finding.check != "replication slot"]

    def cured(self, check: str, said: str) -> None:
        cured_by_sql(self.findings, check, said, self.url)


@pytest.fixture
def patient(database_url: str, database: Connection) -> Patient:
    database.execute(TABLE.encode())
    database.execute("CREATE PUBLICATION tabstream_db FOR TABLE public.leads")
    watch_truncate(database_url, "public.leads")
    return Patient(database_url)


@pytest.fixture
def humble(database_url: str, database: Connection) -> Iterator[Patient]:
    """The same with a role of its own that owns all of it."""
    database.execute("CREATE ROLE humble LOGIN REPLICATION")
    grants = f"GRANT CREATE ON DATABASE {database_url.rpartition('/')[2]} TO humble; GRANT CREATE ON SCHEMA public TO humble"
    database.execute(grants.encode())
    database.execute("DROP SCHEMA tabstream CASCADE; SET ROLE humble")
    database.execute(TABLE.encode())
    install(database_url.replace("postgres@", "humble@"))
    watch_truncate(database_url, "public.leads")
    database.execute("CREATE PUBLICATION tabstream_db FOR TABLE public.leads; RESET ROLE")
    yield Patient(database_url, "humble")
    database.execute("DROP OWNED BY humble CASCADE; DROP ROLE humble")


def test_a_database_that_has_all_is_well(patient: Patient) -> None:
    assert {finding.verdict for finding in patient.findings()} == {Verdict.OK}


def test_a_role_of_its_own_is_well(humble: Patient) -> None:
    assert ill(humble.findings()) == []


def test_a_role_that_may_not_replicate_or_create(humble: Patient, database: Connection) -> None:
    name = humble.url.rpartition("/")[2]
    database.execute(f"ALTER ROLE humble NOREPLICATION; REVOKE CREATE ON DATABASE {name} FROM humble".encode())
    humble.cured("role", "'humble' may not replicate and may not create in this database")


def test_a_schema_that_is_not_there_is_made_by_applying(patient: Patient, database: Connection) -> None:
    database.execute("DROP SCHEMA tabstream CASCADE")
    [found, _] = ill(patient.findings())  # the trigger is gone with it
    assert (found.check, found.steps) == ("schema tabstream", (APPLY,))
    install(patient.url)
    watch_truncate(patient.url, "public.leads")
    assert ill(patient.findings()) == []


def test_a_table_of_the_schema_that_is_not_there_is_made_by_applying(patient: Patient, database: Connection) -> None:
    database.execute("DROP TABLE tabstream.conflict")
    [found] = ill(patient.findings())
    assert ("lacks the tables conflict" in found.found, found.steps) == (True, (APPLY,))
    install(patient.url)
    assert ill(patient.findings()) == []


def test_every_column_that_is_missing_is_added(patient: Patient, database: Connection) -> None:
    database.execute("INSERT INTO tabstream.progress VALUES ('t', 0, 7)")
    for table, columns in own_columns().items():
        addable = [name for name, column in columns.items() if not column.in_key]
        for some in [] if table == "format_version" else [addable[:1], addable[1:]]:
            if some:
                database.execute(f"ALTER TABLE tabstream.{table} {', '.join(f'DROP COLUMN {name}' for name in some)}".encode())
                patient.cured("schema tabstream", f"its table {table} lacks {', '.join(some)}")
    database.execute("INSERT INTO tabstream.edit_result (binding, row_key, kind) VALUES ('b', '', 'truncate')")
    row = database.execute("SELECT id, row_lsn LIKE '%/%', decided_at IS NOT NULL FROM tabstream.edit_result").fetchone()
    assert row == (1, True, True)


def test_own_columns_are_those_that_installing_makes(database: Connection) -> None:
    made = database.execute(
        """SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
           WHERE c.relnamespace = 'tabstream'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped"""
    ).fetchall()
    assert {(table, column) for table, columns in own_columns().items() for column in columns} == set(made)


def test_a_key_column_that_is_missing_is_nothing_that_a_statement_brings_back(patient: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE tabstream.progress DROP COLUMN partition")
    [found] = ill(patient.findings())
    assert "restore tabstream.progress from a backup" in found.steps[0].text
    database.execute("ALTER TABLE tabstream.format_version DROP COLUMN version")
    assert ["from a backup" in finding.steps[0].text for finding in ill(patient.findings())] == [True, True]


def test_a_schema_of_a_newer_version(patient: Patient, database: Connection) -> None:
    database.execute("UPDATE tabstream.format_version SET version = 99")
    [found] = ill(patient.findings())
    assert "format 99" in found.found


def test_a_schema_of_an_older_version_is_brought_up_by_applying(patient: Patient, database: Connection) -> None:
    database.execute("UPDATE tabstream.format_version SET version = 1")
    [found] = ill(patient.findings())
    assert ("format 1" in found.found, found.steps) == (True, (APPLY,))
    install(patient.url)
    assert ill(patient.findings()) == []


def test_a_schema_that_another_role_owns(humble: Patient, database: Connection) -> None:
    database.execute("ALTER SCHEMA tabstream OWNER TO postgres; ALTER TABLE tabstream.held OWNER TO postgres")
    database.execute("ALTER SEQUENCE tabstream.decision_number OWNER TO postgres")
    database.execute("ALTER FUNCTION tabstream.announce_truncate OWNER TO postgres")
    database.execute("GRANT ALL ON ALL TABLES IN SCHEMA tabstream TO humble; GRANT ALL ON SCHEMA tabstream TO humble")
    database.execute("GRANT ALL ON SEQUENCE tabstream.decision_number TO humble")
    humble.cured("schema tabstream", "'humble' does not own tabstream, tabstream.")
    install(humble.settings.database_url)


def test_a_role_that_may_not_write_to_the_schema(humble: Patient, database: Connection) -> None:
    database.execute(
        "REVOKE INSERT ON tabstream.edit_result FROM humble; REVOKE USAGE ON SEQUENCE tabstream.decision_number FROM humble"
    )
    humble.cured("schema tabstream", "'humble' may not INSERT edit_result, USAGE decision_number")


def test_a_publication_that_leaves_operations_out(patient: Patient, database: Connection) -> None:
    database.execute("ALTER PUBLICATION tabstream_db SET (publish = 'insert')")
    patient.cured("publication", "does not publish update, delete")


def test_a_publication_of_another_role(humble: Patient, database: Connection) -> None:
    database.execute("ALTER PUBLICATION tabstream_db OWNER TO postgres")
    humble.cured("publication", "belongs to 'postgres'")


def test_a_publication_that_lacks_a_table_or_is_not_there(patient: Patient, database: Connection) -> None:
    database.execute("ALTER PUBLICATION tabstream_db DROP TABLE public.leads")
    [found] = ill(patient.findings())
    assert ("lacks public.leads" in found.found, found.steps) == (True, (APPLY,))
    database.execute("DROP PUBLICATION tabstream_db")
    [found] = ill(patient.findings())
    assert ("there is no publication" in found.found, found.steps) == (True, (APPLY,))


def test_a_partitioned_table_is_published_as_one(patient: Patient, database: Connection) -> None:
    database.execute("DROP TABLE public.leads")
    database.execute((TABLE + " PARTITION BY RANGE (id)").encode())
    database.execute("CREATE TABLE leads_1 PARTITION OF leads FOR VALUES FROM (0) TO (10)")
    watch_truncate(patient.url, "public.leads")
    publish(patient.url, "tabstream_db", ["public.leads"])
    patient.cured("publication", "lacks public.leads")


@pytest.mark.parametrize("owner", ["boss", "postgres"])
def test_a_table_that_this_role_does_not_own_can_be_published_after_the_printed_statement(
    humble: Patient, database: Connection, owner: str
) -> None:
    database.execute("ALTER PUBLICATION tabstream_db DROP TABLE public.leads; CREATE ROLE boss")
    try:
        database.execute(f"ALTER TABLE public.leads OWNER TO {owner}; GRANT ALL ON public.leads TO humble".encode())
        [found] = ill(humble.findings())
        own, apply = found.steps
        with pytest.raises(OperatorError):
            publish(humble.settings.database_url, "tabstream_db", ["public.leads"])
        database.execute(own.text.encode())
        assert apply == APPLY
        publish(humble.settings.database_url, "tabstream_db", ["public.leads"])
        assert ill(humble.findings()) == []
    finally:
        database.execute("DROP OWNED BY boss CASCADE; DROP ROLE boss")


def test_a_table_without_a_primary_key_gets_one(patient: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE public.leads DROP CONSTRAINT leads_pkey")
    database.execute("INSERT INTO public.leads VALUES (1, 'a'), (1, 'b')")
    patient.cured("primary key", "none")


def test_a_unique_index_becomes_the_primary_key(patient: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE public.leads DROP CONSTRAINT leads_pkey, ALTER id SET NOT NULL")
    database.execute('CREATE UNIQUE INDEX "Odd index" ON public.leads (id)')
    patient.cured("primary key", "none")
    key = database.execute("SELECT indisprimary FROM pg_index WHERE indexrelid = '\"Odd index\"'::regclass").fetchone()
    assert key == (True,)


@pytest.mark.parametrize("identity", ["NOTHING", "USING INDEX other"])
def test_a_replica_identity_that_streams_no_key(patient: Patient, database: Connection, identity: str) -> None:
    database.execute("ALTER TABLE public.leads ALTER name SET NOT NULL; CREATE UNIQUE INDEX other ON public.leads (name)")
    database.execute(f"ALTER TABLE public.leads REPLICA IDENTITY {identity}".encode())
    patient.cured("replica identity", "changes can't be streamed")


def test_a_connector_that_does_not_ask_for_large_values_needs_all_of_a_row(patient: Patient) -> None:
    patient.reselects = False
    patient.cured("replica identity", "does not ask for the large values")


def test_grants_that_a_binding_of_both_directions_needs(humble: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE public.leads OWNER TO postgres; REVOKE ALL ON public.leads FROM humble")
    database.execute("GRANT SELECT, UPDATE (name) ON public.leads TO humble; ALTER SCHEMA public OWNER TO postgres")
    humble.cured("grants", "'humble' lacks INSERT, DELETE")


def test_a_binding_towards_the_sheet_needs_to_read_only(humble: Patient, database: Connection) -> None:
    humble.binding = Binding("leads", "public.leads", "crm", "1AbC", "Leads", direction=Direction.DATABASE_TO_SHEET)
    database.execute("ALTER TABLE public.leads OWNER TO postgres; REVOKE ALL ON public.leads FROM humble")
    humble.cured("grants", "'humble' lacks SELECT")
    database.execute("GRANT ALL ON public.leads TO humble; REVOKE ALL ON SCHEMA public FROM PUBLIC, humble")
    humble.cured("grants", "'humble' lacks USAGE of the schema")
    database.execute("GRANT ALL ON SCHEMA public TO PUBLIC")


@pytest.mark.parametrize("damage", ["DROP TRIGGER tabstream_truncate ON leads", "ALTER TABLE leads DISABLE TRIGGER ALL"])
def test_truncates_that_nobody_would_notice(patient: Patient, database: Connection, damage: str) -> None:
    database.execute(damage.encode())
    patient.cured("truncate trigger", "a TRUNCATE would not be noticed")
    database.execute("TRUNCATE leads")
    assert database.execute("SELECT kind FROM tabstream.edit_result").fetchall() == [("truncate",)]


def test_a_table_that_is_not_there_is_told_once(patient: Patient, database: Connection) -> None:
    database.execute("DROP TABLE public.leads")
    [found] = ill(patient.findings())
    assert (found.check, found.subject) == ("table", "public.leads")


def test_a_view_is_told_once(patient: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE public.leads RENAME TO people; CREATE VIEW public.leads AS SELECT * FROM public.people")
    [found] = ill(patient.findings())
    assert (found.check, found.found) == ("table", "'public.leads' is not a table")


def test_a_column_that_is_not_there_is_told_with_those_that_are(patient: Patient, database: Connection) -> None:
    database.execute("ALTER TABLE public.leads RENAME changed_at TO changed")
    [found] = ill(patient.findings())
    assert (found.check, "no column 'changed_at'" in found.found, "id, name, changed" in found.steps[0].text) == (
        "columns",
        True,
        True,
    )


def test_a_key_that_can_t_be_streamed(patient: Patient, database: Connection) -> None:
    database.execute("DROP TABLE leads; CREATE TABLE leads (id int[] PRIMARY KEY, changed_at timestamptz)")
    watch_truncate(patient.url, "public.leads")
    assert [finding.check for finding in ill(patient.findings())][-1] == "primary key"


@pytest.fixture(scope="module")
def bare() -> Iterator[Server]:
    """A server as it comes, but for the little that is kept for a slot."""
    with Server(wal_level=None, track_commit_timestamp=None, max_slot_wal_keep_size="16MB", max_wal_size="32MB") as running:
        install(running.url())
        yield running


def test_a_server_as_it_comes_is_set_up_by_the_printed_statements(bare: Server) -> None:
    binding = Binding("leads", "public.leads", "crm", "1AbC", "Leads")
    patient = Patient(bare.url(), binding=binding)
    with psycopg.connect(bare.url(), autocommit=True) as session:
        session.execute(TABLE.encode())
        session.execute("CREATE PUBLICATION tabstream_db FOR TABLE leads")
    watch_truncate(bare.url(), "leads")
    level, times = ill(patient.findings())
    assert (level.check, times.check) == ("wal level", "commit times")

    def restart() -> None:
        bare.stop()
        bare.start()

    cured_by_sql(
        lambda: [f for f in patient.findings() if f.check != times.check], "wal level", "replica", bare.url(), restart
    )
    cured_by_sql(patient.findings, "commit times", "last_write_wins", bare.url(), restart)


def slot_findings(patient: Patient) -> list[Finding]:
    facts, _, _ = ask_database(patient.settings, Bindings(), SystemClock())
    return [finding for finding in ill(database.judge(facts)) if finding.check == "replication slot"]


def test_slots_that_are_missing_idle_lost_or_another_s(bare: Server) -> None:
    patient = Patient(bare.url())
    [missing] = slot_findings(patient)
    assert ("there is no slot" in missing.found, missing.steps) == (True, (APPLY,))
    with psycopg.connect(bare.url(), autocommit=True) as session:
        session.execute("SELECT pg_create_logical_replication_slot('tabstream_db', 'pgoutput')")
        [idle] = slot_findings(patient)
        assert ("nobody reads" in idle.found, idle.steps) == (True, (APPLY,))
        for _ in range(4):
            session.execute("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
            session.execute("DROP TABLE filler; SELECT pg_switch_wal()")
        session.execute("CHECKPOINT")
        [lost] = slot_findings(patient)
        assert "has lost its place" in lost.found
        drop, apply = lost.steps
        session.execute(drop.text.encode())
        assert (apply, slot_findings(patient)[0].found) == (APPLY, missing.found)
        session.execute("CREATE DATABASE another")
    with psycopg.connect(bare.url("another"), autocommit=True) as session:
        session.execute("SELECT pg_create_logical_replication_slot('tabstream_db', 'pgoutput')")
        assert "of another database" in slot_findings(patient)[0].found
        session.execute("SELECT pg_drop_replication_slot('tabstream_db')")


def test_no_room_for_a_slot_is_made_by_the_printed_statement(bare: Server) -> None:
    patient = Patient(bare.url())
    with psycopg.connect(bare.url(), autocommit=True) as session:
        for n in range(10):
            session.execute("SELECT pg_create_physical_replication_slot(%s)", (f"filler_{n}",))
        [full] = slot_findings(patient)
        session.execute(full.steps[0].text.encode())
    bare.stop()
    bare.start()
    assert slot_findings(patient)[0].steps == (APPLY,)
    with psycopg.connect(bare.url(), autocommit=True) as session:
        session.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def test_a_url_that_the_connector_can_t_take_is_told_of_the_connector_alone(patient: Patient, tmp_path: Path) -> None:
    (tmp_path / "bindings.yaml").write_text("version: 1\nspreadsheets: {}\nbindings: []\n")
    port = patient.url.rpartition(":")[2].partition("/")[0]
    settings = Settings(
        database_url=f"host=127.0.0.1 port={port} user=postgres dbname={patient.url.rpartition('/')[2]}",
        bindings_file=tmp_path / "bindings.yaml",
        bootstrap_servers="127.0.0.1:1",
        schema_registry_url="http://127.0.0.1:1",
        connect_url="http://127.0.0.1:1",
    )
    found = {(f.group, f.check): f for f in examine(settings, SystemClock())}
    assert found[Group.DATABASE, "reachable"].verdict is Verdict.OK
    assert "TABSTREAM_DATABASE_URL must look like" in found[Group.CONNECTOR, "reachable"].found


def test_a_table_of_two_bindings_is_told_once_and_what_is_out_of_reach_takes_nothing_from_it(
    patient: Patient, database: Connection, tmp_path: Path
) -> None:
    both = ", ".join(f"{{name: {name}, table: leads, spreadsheet: crm, tab: {name}}}" for name in ("one", "two"))
    file = tmp_path / "bindings.yaml"
    file.write_text(f"version: 1\nspreadsheets: {{crm: {{id: {'x' * 44}}}}}\nbindings: [{both}]\n")
    database.execute("ALTER TABLE leads REPLICA IDENTITY NOTHING")
    away = "http://127.0.0.1:1"
    settings = Settings(
        database_url=patient.url,
        bindings_file=file,
        bootstrap_servers="127.0.0.1:1",
        schema_registry_url=away,
        connect_url=away,
        sheets_url=away,
    )
    found = examine(settings, SystemClock())
    assert [f.subject for f in found if f.check == "replica identity" and f.verdict is Verdict.WRONG] == ["public.leads"]
    assert [f.verdict for f in found if f.group is Group.CLOCKS] == [Verdict.SKIPPED, Verdict.OK]
    assert [f.group for f in found if f.check == "reachable" and f.verdict is Verdict.WRONG] == [
        Group.KAFKA,
        Group.CONNECTOR,
        Group.REGISTRY,
        Group.GOOGLE,
    ]
