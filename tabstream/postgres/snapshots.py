"""Asking Debezium to stream tables anew while it goes on: the rows come with all their columns as they are then.

https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-incremental-snapshots
"""

import json
import uuid
from collections.abc import Sequence

from tabstream.postgres.connection import Connection
from tabstream.postgres.statements import statement


def ask_for_snapshot(connection: Connection, tables: Sequence[str]) -> None:
    """Signals an incremental snapshot of tables (`schema.table`). Raises psycopg.Error."""
    data = json.dumps({"data-collections": list(tables), "type": "incremental"})
    connection.execute(statement("signal_snapshot"), (str(uuid.uuid4()), data))
