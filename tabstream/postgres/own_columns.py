"""The columns of the schema tabstream as `schema.sql` makes them, so that a missing one can be told and added."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import LiteralString

from tabstream.postgres.statements import text

_TABLE = re.compile(r"^CREATE TABLE IF NOT EXISTS tabstream\.(\w+) \(\n(.*?)^\);", re.MULTILINE | re.DOTALL)
_COLUMN = re.compile(r'^    "?([a-z_]+)"? (.+?),?$', re.MULTILINE)
_KEY = re.compile(r"^    PRIMARY KEY \((.*)\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column's definition, and whether the table's key needs it, so that rows without it are worth nothing."""

    definition: LiteralString
    in_key: bool

    @property
    def addable(self) -> LiteralString:
        """The definition with which it can be added to a table that has rows."""
        definition = self.definition
        if "DEFAULT" in definition or "IDENTITY" in definition:
            return definition
        return definition.replace(" NOT NULL", "")


@cache
def own_columns() -> Mapping[str, Mapping[str, OwnColumn]]:
    """Each table of the schema with its columns."""
    return {name: _columns(body) for name, body in _TABLE.findall(text("schema.sql"))}


def _columns(body: LiteralString) -> dict[str, OwnColumn]:
    keys = _KEY.findall(body)
    key = {part.strip().strip('"') for part in keys[0].split(",")} if keys else set()
    return {name: OwnColumn(definition, name in key or _is_key(definition)) for name, definition in _COLUMN.findall(body)}


def _is_key(definition: str) -> bool:
    return "PRIMARY KEY" in definition and "IDENTITY" not in definition
