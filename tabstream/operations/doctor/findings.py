"""What a check finds: a verdict, what was seen, and the steps that cure it."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import LiteralString

from psycopg import sql


class Verdict(StrEnum):
    """How a check ends. SKIPPED: what it would look at can't be asked, which stands in a finding of its own."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "not looked at"


class Group(StrEnum):
    """What a check is about, in the order in which groups are shown."""

    MACHINE = "this machine"
    DATABASE = "database"
    TABLES = "tables"
    KAFKA = "kafka"
    CONNECTOR = "connector"
    REGISTRY = "schema registry"
    GOOGLE = "google sheets"
    SCRIPT = "apps script"
    CLOCKS = "clocks"


class How(StrEnum):
    """Who takes a step: a shell with tabstream's settings, a session with the rights of the database's owner, a person."""

    SHELL = "shell"
    SQL = "sql"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a remedy. The text of SHELL and SQL is run as it is."""

    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of one check. `subject` is the table, topic or spreadsheet that it is about, empty where there is but one."""

    group: Group
    check: str
    verdict: Verdict
    found: str
    steps: tuple[Step, ...] = ()
    subject: str = ""


def ok(group: Group, check: str, found: str, subject: str = "") -> Finding:
    """Nothing to do."""
    return Finding(group, check, Verdict.OK, found, subject=subject)


def warning(group: Group, check: str, found: str, *steps: Step, subject: str = "") -> Finding:
    """It works, with less than it could have."""
    return Finding(group, check, Verdict.WARNING, found, steps, subject)


def wrong(group: Group, check: str, found: str, *steps: Step, subject: str = "") -> Finding:
    """It does not work, or will stop to."""
    return Finding(group, check, Verdict.WRONG, found, steps, subject)


def skipped(group: Group, checks: Iterable[str], why: str, subject: str = "") -> list[Finding]:
    """Checks that have nothing to look at."""
    return [Finding(group, check, Verdict.SKIPPED, why, subject=subject) for check in checks]


def shell(*words: str) -> Step:
    """A command, quoted for the shell."""
    return Step(How.SHELL, shlex.join(words))


def statement(template: LiteralString, **parts: sql.Composable | str) -> Step:
    """An SQL statement; texts among `parts` are identifiers."""
    quoted = {name: sql.Identifier(part) if isinstance(part, str) else part for name, part in parts.items()}
    return Step(How.SQL, sql.SQL(template).format(**quoted).as_string())


def hand(text: str) -> Step:
    """What only a person can do."""
    return Step(How.HAND, text)


APPLY = shell("tabstream", "connectors", "apply")
