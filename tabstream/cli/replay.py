"""`tabstream replay`: messages that are dealt with again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from consumers.database_sink.replaying import Found, Report

app = typer.Typer(
    help="Edits of people that are decided again, as after the database was set back.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
_SHOWN = 50
_PLACE = "OFFSET|TIME"


@app.callback()
def _commands() -> None:
    """Keeps `edits` a command of its own."""


@app.command()
def edits(
    begin: Annotated[
        str,
        typer.Option(
            "--from",
            metavar=f"beginning|{_PLACE}",
            help="where to begin: 3/120 (partition 3), 2026-11-24T18:05, 18:05 (today), 2h (ago), beginning (all there is)",
            show_default=False,
        ),
    ],
    end: Annotated[
        str | None, typer.Option("--to", metavar=_PLACE, help="where to end, before this; the end, if not given")
    ] = None,
    binding: Annotated[
        str | None, typer.Option(autocompletion=binding_names, help="only edits of this binding", show_default=False)
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="change nothing: only tell what would differ")] = False,
    as_json: Json = False,
) -> None:
    """Decides the edits in tabstream.edits again, from a place on, as the database sink does.

    A database that was restored to an earlier time gets the edits that it has lost: its registers were restored with it, and
    know what it has and what it has not. Edits that it has are known already, so that replaying too much, or twice, is
    harmless. It begins earlier than --from where the database has not dealt with what comes before. Sinks may run meanwhile.

    With --verify all is decided in a transaction that is rolled back. On a healthy database nothing differs.

    Examples: `tabstream replay edits --from 2h --verify`, `tabstream replay edits --from 2026-11-24T18:05 --binding leads`.

    Exit code 0: done, or nothing would differ

    Exit code 3: with --verify, something would differ

    Exit code 1: there is no such place in the topic, its retention has removed it, another replay is under way, Kafka, the
    registry or the database gives no answer; or with --verify, something could not be decided

    Exit code 2: wrong configuration
    """
    from consumers.database_sink.replaying import Wanted, replay
    from consumers.database_sink.source import topic_id_of
    from tabstream.bindings_file import load_bindings
    from tabstream.cli.progress import counting
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.core.places import place

    settings, clock = load_settings(), SystemClock()
    settings.require("bindings_file", "database_url")
    now_ms = clock.now_ms()
    wanted = Wanted(place(begin, now_ms), None if end is None else place(end, now_ms), binding, verify)
    bindings = load_bindings(settings.required_path("bindings_file"))
    _quiet_logs()
    with counting("edits") as say:
        report = replay(settings, bindings, wanted, lambda: topic_id_of(settings), clock, say)
    if as_json:
        print_json(as_record(report, verify))
    else:
        show(report, verify)
    raise typer.Exit(exit_code(report, verify))


def exit_code(report: "Report", verify: bool) -> int:
    """3 where a rehearsal has found differences, 1 where it could not decide all, else 0."""
    if verify and report.found:
        return 3
    return 1 if verify and report.waiting else 0


def show(report: "Report", verify: bool) -> None:
    """Prints what is new, and a line that sums it up."""
    from tabstream.core.moments import shown_moment
    from tabstream.core.readable import shown_key, value_text

    if report.found:
        print_table(
            ("offset", "time", "binding", "key", "column", "value", "would be" if verify else "outcome", "reason"),
            [
                (
                    f"{one.partition}/{one.offset}",
                    shown_moment(one.at_ms),
                    one.decision.binding,
                    shown_key(one.decision.row_key),
                    one.decision.column or "(row)",
                    "" if one.decision.column is None else value_text(one.decision.value),
                    one.decision.effect.value + ("" if one.dealt_with or not verify else ", nobody has dealt with it"),
                    one.decision.reason or "",
                )
                for one in report.found[:_SHOWN]
            ],
        )
        if len(report.found) > _SHOWN:
            print_text(f"and {len(report.found) - _SHOWN} more: --json lists them all")
    sums = [f"{count} {effect}" for effect, count in report.counts.items()]
    print_text(f"{report.edits} edits: {', '.join(sums) or 'nothing to decide'}")
    if report.unreadable:
        print_text(f"{report.unreadable} messages are no edits of a binding in the bindings file")
    for reason, count in report.waiting.items():
        print_text(f"{count} wait: {reason}" + ("" if verify else "; the database sink takes them up"))
    if verify and not report.found and not report.waiting:
        print_text("nothing would differ")


def as_record(report: "Report", verify: bool) -> dict[str, Any]:
    """Everything for programs, with every difference."""
    return {
        "verify": verify,
        "edits": report.edits,
        "unreadable": report.unreadable,
        "offsets": {str(p): {"from": span.begin, "to": span.end} for p, span in sorted(report.spans.items())},
        "counts": dict(report.counts),
        "waiting": dict(report.waiting),
        "differences" if verify else "new": [_found(one) for one in report.found],
    }


def _found(one: "Found") -> dict[str, Any]:
    from tabstream.core.cells import as_json_value

    decision = one.decision
    return {
        "partition": one.partition,
        "offset": one.offset,
        "at_ms": one.at_ms,
        "dealt_with_before": one.dealt_with,
        "binding": decision.binding,
        "key": decision.row_key,
        "column": decision.column,
        "value": as_json_value(decision.value),
        "outcome": decision.effect.value,
        "reason": decision.reason,
    }


def _quiet_logs() -> None:
    """Standard output belongs to the answer."""
    import sys

    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
