"""`tabstream doctor`: every prerequisite of a production set-up, checked."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape

from tabstream.cli.printing import Json

if TYPE_CHECKING:
    from tabstream.operations.doctor.findings import Finding

_COLOURS = {"ok": "green", "warning": "yellow", "wrong": "red", "not looked at": "dim"}
_SAID = {"shell": "run", "sql": "SQL", "hand": "do"}
_SKIPPED = "not looked at"
_INDENT = " " * 16
_WRONG = 3


def doctor(as_json: Json = False) -> None:
    """Checks everything that a production set-up needs, and says what was found and how to cure it. Changes nothing.

    A remedy after `run` is for a shell with the same settings; one after `SQL` for a session of the database's owner; one
    after `do` is for a person. It takes a few seconds.

    Exit code 0: nothing is wrong; there may be warnings

    Exit code 3: something is wrong, or out of reach

    Exit code 1: it could not run at all

    Exit code 2: a setting has a value that is not allowed
    """
    from tabstream.cli.printing import print_json
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.doctor import machine
    from tabstream.operations.doctor.findings import Verdict

    settings = load_settings()
    _be_quiet()
    packages = machine.look_at_packages()
    findings = list(machine.judge_packages(packages))
    if not machine.shadowed(packages):
        from tabstream.operations.doctor.examination import examine

        findings += examine(settings, SystemClock())
    if as_json:
        print_json(as_object(findings))
    else:
        show(findings, Console())
    raise typer.Exit(_WRONG if any(finding.verdict is Verdict.WRONG for finding in findings) else 0)


def as_object(findings: "Sequence[Finding]") -> dict[str, Any]:
    """Everything that is shown, for programs."""
    return {
        "well": not any(finding.verdict.value == "wrong" for finding in findings),
        "findings": [
            {
                "group": finding.group.value,
                "check": finding.check,
                "subject": finding.subject or None,
                "verdict": finding.verdict.value,
                "found": finding.found,
                "remedy": [{"how": step.how.value, "text": step.text} for step in finding.steps],
            }
            for finding in findings
        ],
    }


def show(findings: "Sequence[Finding]", console: Console) -> None:
    """Prints the findings by group, each with its remedy below, and a line that sums them up."""
    for group, members in groupby(findings, lambda finding: finding.group):
        console.print(f"[bold]{group.value}[/]")
        for (verdict, why), alike in groupby(members, _line):
            together = list(alike)
            if verdict == _SKIPPED:
                _print_line(verdict, f"{', '.join(map(_name, together))}: {why}", console)
                continue
            for finding in together:
                _show(finding, console)
    counts = [(value, sum(finding.verdict.value == value for finding in findings)) for value in _COLOURS]
    said = ", ".join(f"[{_COLOURS[value]}]{count} {value}[/]" for value, count in counts if count)
    console.print(said, highlight=False, soft_wrap=True)


def _line(finding: "Finding") -> tuple[str, str]:
    """What stands in one line together: checks that were left out for the same reason."""
    return finding.verdict.value, finding.found if finding.verdict.value == _SKIPPED else ""


def _show(finding: "Finding", console: Console) -> None:
    first, *others = finding.found.splitlines() or [""]
    _print_line(finding.verdict.value, f"{_name(finding)}: {first}", console)
    for line in others:
        console.print(f"{_INDENT}{escape(line)}", highlight=False, soft_wrap=True)
    for step in finding.steps:
        console.print(f"{_INDENT}[bold]{_SAID[step.how.value]}:[/] {escape(step.text)}", highlight=False, soft_wrap=True)


def _print_line(verdict: str, said: str, console: Console) -> None:
    console.print(f"  [{_COLOURS[verdict]}]{verdict:<13}[/] {escape(said)}", highlight=False, soft_wrap=True)


def _name(finding: "Finding") -> str:
    return f"{finding.check} {finding.subject}".strip()


def _be_quiet() -> None:
    """What is logged of an outage stands in a finding."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in ("librdkafka", "googleapiclient.http"):
        logging.getLogger(name).addHandler(logging.NullHandler())
