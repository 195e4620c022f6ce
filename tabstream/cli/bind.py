"""`tabstream bind`: a table and a tab become one, and what differs is decided first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from tabstream.core.audit import Finding
    from tabstream.core.first_contact import Choices, Contact
    from tabstream.operations.binding.looking import Found
    from tabstream.operations.binding.wanted import Asked, Wanted

_EXAMPLES = 3
_QUESTIONS = 3  # the exit code


def bind(
    table: Annotated[str, typer.Argument(help="table or schema.table", show_default=False)],
    spreadsheet: Annotated[
        str, typer.Argument(help="its address, its id, or its name in the bindings file", show_default=False)
    ],
    tab: Annotated[str, typer.Argument(help="the tab's title", show_default=False)],
    name: Annotated[str | None, typer.Option(help="the binding's name; the table's if not given")] = None,
    direction: Annotated[
        str | None, typer.Option(help="both, database_to_sheet or sheet_to_database; both if not given")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="NAME[=HEADER]", help="a column to bind, once for each; all if not given")
    ] = None,
    only_in_sheet: Annotated[str, typer.Option(metavar="insert|remove", help="rows that only the sheet has")] = "refuse",
    only_in_table: Annotated[str, typer.Option(metavar="show|delete", help="rows that only the table has")] = "refuse",
    differing: Annotated[str, typer.Option(metavar="table|sheet", help="whose values stay where they differ")] = "refuse",
    missing_columns: Annotated[str, typer.Option(metavar="add", help="columns that the tab has no header for")] = "refuse",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only compare, write nothing")] = False,
    as_json: Json = False,
) -> None:
    """Binds a table to a tab, which may have rows of its own.

    Compares both, matching rows by key, and tells what differs. Where anything does, name whose side to take for each kind;
    nothing is written before. People's columns, formats and the order of the rows stay. The binding enters the bindings file
    last, so a command that was interrupted is simply run again.

    Exit code 0: bound; with --dry-run: nothing is left to ask

    Exit code 3: something is left to ask, which is told; nothing was written

    Exit code 1: a mistake or an outage, which is told. 2: wrong configuration
    """
    from tabstream.cli.audit import log_to_stderr
    from tabstream.clock import SystemClock
    from tabstream.config import load_settings
    from tabstream.operations.binding.doors import doors
    from tabstream.operations.binding.wanted import Asked

    choices = _choices(only_in_sheet, only_in_table, differing, missing_columns)
    asked = Asked(table, spreadsheet, tab, name, direction, tuple(column or ()))
    settings = load_settings()
    settings.require("database_url", "bindings_file")
    log_to_stderr()
    with doors(settings, SystemClock()) as opened:
        wanted, found = _look(opened, asked, choices)
        is_open = bool(found.questions)
        if not as_json:
            _show(wanted, found, choices)
        if not is_open and not dry_run:
            found = _bind(opened, wanted, choices, as_json)
        if as_json:
            print_json(_as_json(wanted, found, choices, written=not is_open and not dry_run))
    if is_open:
        raise typer.Exit(_QUESTIONS)


def _look(opened: Any, asked: "Asked", choices: "Choices") -> "tuple[Wanted, Found]":
    from rich.console import Console

    from tabstream.bindings_file import load_bindings
    from tabstream.bindings_writing import check_entry
    from tabstream.errors import OperatorError
    from tabstream.operations.binding.doors import in_words
    from tabstream.operations.binding.looking import State, look
    from tabstream.operations.binding.wanted import wanted
    from tabstream.sheets.pages import read_structure

    def title_of(spreadsheet_id: str) -> str:
        with in_words():
            return read_structure(opened.client, spreadsheet_id).title

    with Console(stderr=True).status("reading tab and table"):
        path = opened.settings.required_path("bindings_file")
        made = wanted(asked, load_bindings(path), title_of)
        if made.entry is not None:
            check_entry(path, made.entry)
        found = look(opened, made.binding, choices)
    if made.entry is None and found.state is State.PREPARED:
        raise OperatorError(
            f"tab {asked.tab!r} is bound already, by the binding {made.binding.name!r}", "see: tabstream status"
        )
    return made, found


def _bind(opened: Any, wanted: "Wanted", choices: "Choices", as_json: bool) -> "Found":
    from rich.console import Console

    from tabstream.core.first_contact import waits
    from tabstream.operations.binding.binder import Binder

    with Console(stderr=True).status("binding") as spinner:
        found = Binder(opened, spinner.update).bind(wanted, choices)
    if not as_json:
        name = wanted.binding.name
        print_text(f"{name} is bound; the sinks take it up with the bindings file: tabstream status")
        for what in waits(found.contact, choices, wanted.binding) if found.contact is not None else ():
            print_text(f"{what} are more than the guard lets pass: look at them, then tabstream confirm {name}")
    return found


def _choices(only_in_sheet: str, only_in_table: str, differing: str, missing: str) -> "Choices":
    from tabstream.core.first_contact import Choices, Differing, Missing, OnlyInSheet, OnlyInTable

    return Choices(
        _choice(OnlyInSheet, only_in_sheet, "--only-in-sheet"),
        _choice(OnlyInTable, only_in_table, "--only-in-table"),
        _choice(Differing, differing, "--differing"),
        _choice(Missing, missing, "--missing-columns"),
    )


def _choice(kind: Any, text: str, option: str) -> Any:
    from tabstream.errors import OperatorError

    try:
        return kind(text)
    except ValueError:
        raise OperatorError(f"{text!r} is no side for {option}", f"allowed are {', '.join(kind)}") from None


def _show(wanted: "Wanted", found: "Found", choices: "Choices") -> None:
    from tabstream.operations.binding.looking import State

    binding = wanted.binding
    print_text(f"{binding.name}: table {binding.table}, tab {binding.tab!r} of spreadsheet {found.view.title!r}")
    if found.state is State.EMPTY:
        print_text("the tab is empty: its owner sets it up and fills it")
    elif found.state is State.PREPARED:
        print_text("the tab is set up already: only its entry in the bindings file is missing")
    if found.contact is not None:
        print_table(("rows", "", "first of them"), _row_lines(found.contact))
        print_table(("column", "differ", "first of them"), _column_lines(found.contact))
    if found.columns.missing and found.contact is not None:
        print_text(f"columns without a header in the tab: {', '.join(c.header for c in found.columns.missing)}")
    for question in found.questions:
        print_text(f"{question.problem}: {question.remedy}")


def _row_lines(contact: "Contact") -> list[tuple[str, str, str]]:
    from tabstream.core.readable import shown_key

    in_sheet = [_of_sheet(contact, row) for row in contact.only_in_sheet[:_EXAMPLES]]
    lines = [
        ("equal", str(contact.equal), ""),
        ("only in the sheet", str(len(contact.only_in_sheet)), "; ".join(in_sheet)),
        ("only in the table", str(len(contact.only_in_table)), "; ".join(map(shown_key, contact.only_in_table[:_EXAMPLES]))),
        ("differing", str(contact.differing_rows), ""),
    ]
    if contact.formulas:
        cells = [f"row {_number(f)}, {f.column}" for f in contact.formulas[:_EXAMPLES]]
        lines.append(("cells with formulas, not synced", str(len(contact.formulas)), "; ".join(cells)))
    return lines


def _column_lines(contact: "Contact") -> list[tuple[str, str, str]]:
    from tabstream.core.readable import value_text

    def shown(finding: "Finding") -> str:
        return f"row {_number(finding)}: {value_text(finding.tab)}, table {value_text(finding.table)}"

    by_column = contact.differing_by_column()
    return [(name, str(len(cells)), "; ".join(map(shown, cells[:_EXAMPLES]))) for name, cells in by_column.items()]


def _of_sheet(contact: "Contact", row: int) -> str:
    from tabstream.core.readable import shown_key

    key = contact.keys[row]
    return f"row {row + 1}, {'no key' if key is None else shown_key(key)}"


def _number(finding: "Finding") -> int:
    return (finding.row or 0) + 1


def _as_json(wanted: "Wanted", found: "Found", choices: "Choices", written: bool) -> dict[str, Any]:
    from tabstream.core.first_contact import waits

    binding, contact = wanted.binding, found.contact
    return {
        "binding": binding.name,
        "table": binding.table,
        "spreadsheet_id": binding.spreadsheet_id,
        "tab": binding.tab,
        "found": found.state.name.lower(),
        "bound": written,
        "questions": [{"problem": q.problem, "remedy": q.remedy} for q in found.questions],
        "missing_columns": [column.header for column in found.columns.missing] if contact is not None else [],
        "rows": None if contact is None else _rows_json(contact),
        "columns": {} if contact is None else _columns_json(contact),
        "waits_for_confirmation": [] if contact is None else waits(contact, choices, binding),
    }


def _rows_json(contact: "Contact") -> dict[str, Any]:
    return {
        "equal": contact.equal,
        "differing": contact.differing_rows,
        "only_in_sheet": [{"row": row + 1, "key": contact.keys[row]} for row in contact.only_in_sheet],
        "only_in_table": list(contact.only_in_table),
        "doubled": {key: [row + 1 for row in rows] for key, rows in contact.doubled.items()},
    }


def _columns_json(contact: "Contact") -> dict[str, list[dict[str, Any]]]:
    return {name: _cells_json(cells) for name, cells in contact.differing_by_column().items()}


def _cells_json(cells: "Sequence[Finding]") -> list[dict[str, Any]]:
    from tabstream.core.cells import as_json_value

    return [{"row": _number(f), "key": f.key, "tab": as_json_value(f.tab), "table": as_json_value(f.table)} for f in cells]
