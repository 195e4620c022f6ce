"""A database whose schema `tabstream` is of the format before."""

from pathlib import Path

from tabstream.core.cells import digest
from tabstream.postgres.connection import Connection
from tabstream.postgres.schema import FORMAT_VERSION, install, installed_version
from tests.database_sink.conftest import LEADS
from tests.database_sink.desk import Desk, cell, edit, now_ms

BEFORE = Path(__file__).parents[1] / "postgres" / "schema_1.sql"


def test_what_was_decided_before_an_upgrade_is_answered_again_and_not_applied(database_url: str, database: Connection) -> None:
    database.execute("DROP SCHEMA tabstream CASCADE")
    database.execute(BEFORE.read_bytes())
    database.execute(LEADS.encode())
    read = now_ms()
    database.execute(
        """INSERT INTO tabstream.cell_register (binding, row_key, column_name, base, value, read_end_ms, number, outcome,
               applied_value, applied_number)
           VALUES ('leads', '[1]', 'name', %(base)s, %(value)s, %(read)s, nextval('tabstream.decision_number'), 'applied',
               %(value)s, currval('tabstream.decision_number'))""",
        {"base": digest("Ada"), "value": digest("Ada L"), "read": read},
    )
    database.execute("UPDATE leads SET name = 'changed since' WHERE lead_id = 1")
    install(database_url)
    assert installed_version(database) == FORMAT_VERSION
    with Desk(database_url, database) as desk:
        [again] = desk.send(edit(1, cell("name", "Ada L", "Ada"), read_ms=read + 1_000))
        assert again.outcome("name") == "applied"
        assert desk.row(1, "name") == ("changed since",)
        desk.send(edit(1, cell("name", "typed since", "changed since", 1), read_ms=read + 2_000))
        assert desk.row(1, "name") == ("typed since",)
