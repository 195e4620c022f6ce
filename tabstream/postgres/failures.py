"""What a database error means: for the caller, and in plain words for the person whose edit met it."""

import re
from enum import Enum, auto

import psycopg

_KEY = re.compile(r"\((?P<columns>.*)\)=\((?P<values>.*)\)", re.DOTALL)
_SHOWN = 100


class Failure(Enum):
    """What the caller does next."""

    UNAVAILABLE = auto()  # the connection or the server is gone: wait and try again
    BUSY = auto()  # another session is in the way: try again a little later
    SHAPE = auto()  # the table is not as it was, or this role may not use it: read its shape again
    REFUSED = auto()  # the value does not fit: tell the person


# https://www.postgresql.org/docs/current/errcodes-appendix.html
_BUSY = {"40001", "40P01", "55P03", "57014", "25P04", "55006"}
_SHAPE = {"42P01", "42703", "42501", "3F000", "42704", "42804", "428C9", "0A000"}
_UNAVAILABLE_CLASSES = {"08", "53", "57", "58"}
_UNAVAILABLE = {"25006", "25P03"}  # a server that only reads; a session that was ended for being idle


def failure_of(problem: psycopg.Error) -> Failure:
    """Which of the four an error is."""
    code = problem.sqlstate
    if code is None:
        lost = isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError)
        return Failure.UNAVAILABLE if lost else Failure.REFUSED
    if code in _BUSY:
        return Failure.BUSY
    if code in _SHAPE:
        return Failure.SHAPE
    if code[:2] in _UNAVAILABLE_CLASSES or code in _UNAVAILABLE:
        return Failure.UNAVAILABLE
    return Failure.REFUSED


def reason_of(problem: psycopg.Error, table: str) -> str:
    """Why the database refused a write to `table` (its name without schema), for the person who made the edit."""
    diag = problem.diag
    key = _KEY.search(diag.message_detail or "")
    named = f"{key['columns']} {_short(key['values'])}" if key else diag.constraint_name or ""
    primary = _short(diag.message_primary or str(problem).strip())
    match problem:
        case psycopg.errors.UniqueViolation():
            reason = f"another row already has {named}"
        case psycopg.errors.ForeignKeyViolation() if diag.table_name and diag.table_name != table:
            reason = f"rows of {diag.table_name} refer to this row"
        case psycopg.errors.ForeignKeyViolation():
            reason = f"{named} does not exist in the table that it refers to"
        case psycopg.errors.NotNullViolation():
            reason = f"{diag.column_name} can't be empty"
        case psycopg.errors.CheckViolation():
            reason = f"the database's rule {diag.constraint_name} does not allow it"
        case psycopg.errors.ExclusionViolation():
            reason = f"it overlaps another row (the database's rule {diag.constraint_name})"
        case psycopg.errors.RaiseException():
            reason = primary
        case _:
            reason = f"the database refused it: {primary}"
    return reason


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
