"""Named SQL statements from `queries.sql`.

A statement begins with `-- name:` and a line or more of comment that says what it does, and ends with the next one.
"""

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

from psycopg import sql

_HEAD = re.compile(r"^-- (?P<name>[a-z_]+):", re.MULTILINE)


@cache
def statement(name: str) -> sql.SQL:
    """The statement of this name; raises KeyError if there is none. `{}` fields are filled with `.format`."""
    return _statements()[name]


def text(file_name: str) -> LiteralString:
    """The text of an SQL file of this package, which nobody outside can change."""
    return files(__package__).joinpath(file_name).read_text(encoding="utf-8")


def named(content: LiteralString) -> dict[str, sql.SQL]:
    """The statements of a file by their names."""
    heads = list(_HEAD.finditer(content))
    ends = [head.start() for head in heads[1:]] + [len(content)]
    found = {}
    for head, end in zip(heads, ends, strict=True):
        lines = content[head.start() : end].splitlines()
        body = "\n".join(line for line in lines if not line.startswith("--"))
        found[head["name"]] = sql.SQL(body.strip().rstrip(";"))
    return found


@cache
def _statements() -> dict[str, sql.SQL]:
    return named(text("queries.sql"))
