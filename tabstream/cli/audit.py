"""`tabstream audit`: proves that tabs equal their tables."""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tabstream.cli.completion import binding_names

if TYPE_CHECKING:
    from tabstream.config import Settings
    from tabstream.core.cells import CellValue
    from tabstream.operations.audit_report import Judged, Report, Standing

_SHOWN = 50
_REPAIRED = "it was not written: tabstream status says what is wrong; what the topic lacks: docs/runbook.md"
_LONGEST = 40
_COLOURS = {"equal": "green", "under way": "green", "drift": "red", "undecided": "yellow", "failed": "red"}


def audit(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BINDING",
            autocompletion=binding_names,
            help="the bindings' names",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every binding of the bindings file")] = False,
    repair: Annotated[bool, typer.Option("--repair", help="have what has drifted written anew, and look again")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs, with every finding")] = False,
    wait: Annotated[float, typer.Option(min=0, help="seconds that differences are given to settle")] = 60,
) -> None:
    """Proves that tabs equal their tables, cell by cell. Writes nothing, unless --repair says so.

    What differs is looked at again, until it agrees, or stays with nothing under way: that is drift.

    A cell that differs from its mark is an edit of a person, and no drift; nor is a row that is not saved yet.

    Exit code 0: no drift

    Exit code 3: drift

    Exit code 1: a binding could not be audited, or what differs could not be decided; it is said why

    Exit code 2: wrong configuration
    """
    from tabstream.config import load_settings
    from tabstream.operations.audit_report import exit_code

    settings = load_settings()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    console = Console()
    reports = _audit(settings, names or [], everything, wait, repair, None if as_json else console)
    if as_json:
        typer.echo(as_json_text(reports))
    raise typer.Exit(exit_code(reports))


def as_json_text(reports: "Sequence[Report]") -> str:
    """Everything that is shown, for programs: every finding, rows counted from 1 as in the sheet."""
    import orjson

    from tabstream.operations.audit_report import exit_code

    answer = {"equal": exit_code(reports) == 0, "bindings": [report_json(report) for report in reports]}
    return orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()


def show(report: "Report", console: Console, source: str = "table") -> None:
    """Prints a table of what was found, and a line that sums it up; `source` is what the tab was compared with."""
    if report.findings:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("finding", "counts as", "key", "row", "column", "tab", source):
            table.add_column(name, no_wrap=name in ("finding", "counts as", "row"), overflow="fold")
        for judged in _worst_first(report)[:_SHOWN]:
            table.add_row(*map(escape, _row(judged)))
        console.print(table)
        if len(report.findings) > _SHOWN:
            console.print(f"and {len(report.findings) - _SHOWN} more: --json lists them all")
    console.print(
        f"{escape(report.binding.name)}: [{_COLOURS[report.outcome.value]}]{_verdict(report)}[/]{_sums(report, source)}",
        highlight=False,
        soft_wrap=True,
    )
    if report.problem:
        console.print(f"    {escape(report.problem)}", highlight=False, soft_wrap=True)
    if report.remedy:
        console.print(f"    {escape(report.remedy)}", highlight=False, soft_wrap=True)


def counted_kinds(report: "Report") -> str:
    """What differed before, in words; empty where nothing did."""
    return ", ".join(f"{kind.value}: {count}" for kind, count in sorted(report.before.items()))


def _audit(
    settings: "Settings", names: Sequence[str], everything: bool, wait: float, repair: bool, console: Console | None
) -> "list[Report]":
    from tabstream.bindings_file import load_bindings
    from tabstream.clock import SystemClock
    from tabstream.operations.audit import Auditor, Patience, chosen
    from tabstream.operations.audit_report import with_next_step
    from tabstream.operations.google import operator_client
    from tabstream.operations.owners import KafkaOwners
    from tabstream.operations.sources import DatabaseSource

    bindings = chosen(load_bindings(settings.required_path("bindings_file")), names, everything)
    clock = SystemClock()
    client = operator_client(settings, clock)
    reports = []
    spinning = console.status("") if console is not None else nullcontext()
    with KafkaOwners(settings, clock) as owners, spinning as spinner:
        auditor = Auditor(
            DatabaseSource(settings), client, owners, clock, Patience(wait), spinner.update if spinner is not None else _silent
        )
        for binding in bindings:
            report = auditor.repair(binding) if repair else auditor.audit(binding)
            reports.append(with_next_step(report, _REPAIRED if repair else f"tabstream audit {binding.name} --repair"))
            if console is not None:
                if repair and (counted := counted_kinds(reports[-1])):
                    console.print(f"{binding.name}: repaired: {counted}", highlight=False)
                show(reports[-1], console)
    client.close()
    return reports


def _silent(_: str) -> None:
    """A program is told the end only."""


def log_to_stderr() -> None:
    """Standard output belongs to the answer; what can't be reached is told there, once."""
    import sys

    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for name in ("librdkafka", "googleapiclient.http"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def _verdict(report: "Report") -> str:
    from tabstream.operations.audit_report import Outcome

    counts = [f"{report.counts[standing]} {standing.value}" for standing in _standings() if standing in report.counts]
    if report.outcome in (Outcome.EQUAL, Outcome.FAILED):
        counts.insert(0, report.outcome.value)
    return ", ".join(counts)


def _sums(report: "Report", source: str) -> str:
    if report.checksums is None:
        return ""
    tab, table = report.checksums
    rows = f"{report.table_rows} rows"
    if report.tab_rows != report.table_rows:
        rows = f"{report.tab_rows} rows in the tab, {report.table_rows} in the {source}"
    checksum = f"checksum {tab}" if tab == table else f"checksum of the tab {tab}, of the {source} {table}"
    return f"; {rows}, {report.cells} cells compared, position {report.position}, {checksum}, {report.seconds:.1f} s"


def _worst_first(report: "Report") -> "list[Judged]":
    order = _standings()
    return sorted(report.findings, key=lambda judged: order.index(judged.standing))


def _standings() -> "list[Standing]":
    """From the worst to those that are no fault."""
    from tabstream.operations.audit_report import Standing

    return list(Standing)


def _row(judged: "Judged") -> list[str]:
    found = judged.finding
    row = "" if found.row is None else str(found.row + 1)
    values = ["", ""] if found.column is None else [_text(found.tab), _text(found.table)]
    return [found.kind.value, judged.standing.value, found.key or "", row, found.column or "", *values]


def _text(value: "CellValue") -> str:
    from tabstream.core.cells import as_json_value

    if value is None:
        return "(empty)"
    text = (
        str(value).upper() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(as_json_value(value))
    )
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def report_json(report: "Report") -> dict[str, Any]:
    """One binding's audit, for programs."""
    tab, table = report.checksums or (None, None)
    return {
        "binding": report.binding.name,
        "table": report.binding.table,
        "spreadsheet_id": report.binding.spreadsheet_id,
        "tab": report.binding.tab,
        "outcome": report.outcome.name.lower(),
        "problem": report.problem,
        "remedy": report.remedy,
        "position": report.position,
        "rows": {"tab": report.tab_rows, "table": report.table_rows},
        "cells": report.cells,
        "checksum": {"tab": tab, "table": table},
        "seconds": round(report.seconds, 3),
        "looks": report.looks,
        "before": {kind.name.lower(): count for kind, count in sorted(report.before.items())},
        "counts": {standing.name.lower(): count for standing, count in sorted(report.counts.items())},
        "findings": [_finding_json(judged) for judged in report.findings],
    }


def _finding_json(judged: "Judged") -> dict[str, Any]:
    from tabstream.core.cells import as_json_value

    found = judged.finding
    return {
        "kind": found.kind.name.lower(),
        "counts_as": judged.standing.name.lower(),
        "key": found.key,
        "row": None if found.row is None else found.row + 1,
        "column": found.column,
        "tab": as_json_value(found.tab),
        "table": as_json_value(found.table),
    }
