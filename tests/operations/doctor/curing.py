"""Runs remedies as they are printed."""

from collections.abc import Callable, Iterable

import psycopg

from tabstream.operations.doctor.findings import Finding, How, Verdict

Look = Callable[[], Iterable[Finding]]


def ill(findings: Iterable[Finding]) -> list[Finding]:
    """Those that need somebody."""
    return [finding for finding in findings if finding.verdict in (Verdict.WARNING, Verdict.WRONG)]


def cured_by_sql(look: Look, check: str, said: str, superuser_url: str, restart: Callable[[], None] | None = None) -> None:
    """The one finding is of this check and says this; its SQL run by a superuser leaves nothing to be found."""
    found = ill(look())
    assert [finding.check for finding in found] == [check], found
    assert said in found[0].found
    statements = [step.text for step in found[0].steps if step.how is How.SQL]
    assert statements
    with psycopg.connect(superuser_url, autocommit=True) as superuser:
        for statement in statements:
            superuser.execute(statement.encode())
    if restart is not None:
        restart()
    assert ill(look()) == []
