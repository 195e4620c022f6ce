"""The story's outcomes as a table for people."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tabstream.operations.demo.story.step import Outcome
from tabstream.operations.measuring.percentiles import Spread, milliseconds

_DETAILS = 20
_TITLES = ("step", "", "seconds", "commit to cell, p50 / p99", "edit to commit, p50 / p99", "API calls")


def report(outcomes: Sequence[Outcome], planned: int) -> RenderableType:
    """A line for each step, then what went wrong."""
    table = Table(*_TITLES)
    for title in ("seconds", "API calls"):
        table.columns[_TITLES.index(title)].justify = "right"
    for outcome in outcomes:
        table.add_row(*line(outcome))
    table.caption = f"{sum(outcome.ok for outcome in outcomes)} of {planned} steps went well"
    return Group(table, *(problem(outcome) for outcome in outcomes if not outcome.ok))


def line(outcome: Outcome) -> tuple[str, str, str, str, str, str]:
    """The cells of one step, in rich's markup."""
    return (
        escape(outcome.name),
        "[green]ok[/]" if outcome.ok else "[bold red]failed[/]",
        f"{outcome.seconds:.1f}",
        _spread(outcome.commit_to_cell),
        _spread(outcome.edit_to_commit),
        str(outcome.calls),
    )


def problem(outcome: Outcome) -> Text:
    """What went wrong in a step, with the first differences."""
    shown = [f"  {detail}" for detail in outcome.details[:_DETAILS]]
    if len(outcome.details) > _DETAILS:
        shown.append(f"  and {len(outcome.details) - _DETAILS} more")
    return Text("\n".join([f"{outcome.name}: {outcome.problem}", *shown]), style="red")


def _spread(spread: Spread | None) -> str:
    return "" if spread is None else f"{milliseconds(spread.p50)} / {milliseconds(spread.p99)} of {spread.count}"
