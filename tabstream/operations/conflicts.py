"""The conflicts on record, for an operator."""

import psycopg

from tabstream.config import Settings
from tabstream.errors import OperatorError, Outage
from tabstream.operations.reported import file_names
from tabstream.postgres.conflicts import Conflicts, names_with_conflicts, read_conflicts
from tabstream.postgres.connection import connect


def find_conflicts(settings: Settings, binding: str | None, since_ms: int | None, limit: int) -> Conflicts:
    """The newest conflicts; raises Outage, ConfigurationError, or OperatorError for a binding that nobody knows."""
    settings.require("database_url")
    try:
        with connect(settings.database_url, "tabstream conflicts", autocommit=True) as connection:
            found = read_conflicts(connection, binding, since_ms, limit)
            if binding is not None and not found.count:
                known = sorted({*file_names(settings), *names_with_conflicts(connection)})
                if binding not in known:
                    raise OperatorError(f"there is no binding {binding!r}", f"choose one of: {', '.join(known) or 'none'}")
            return found
    except psycopg.Error as problem:
        raise Outage(f"the database can't be asked: {str(problem).strip()}") from problem
