"""`tabstream held`: people's values that wait for a decision."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.completion import binding_names
from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from tabstream.postgres.held import HeldValue

app = typer.Typer(
    help="Values that people typed and that wait for a decision, where the conflict rule is `hold`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Binding = Annotated[str, typer.Argument(autocompletion=binding_names, help="the binding's name", show_default=False)]
Key = Annotated[str, typer.Argument(help="the row's key as the tab shows it: 17, or 17,DE", show_default=False)]
Column = Annotated[str, typer.Argument(help="the column of the table", show_default=False)]


@app.command("list")
def list_(
    binding: Annotated[
        str | None,
        typer.Argument(
            autocompletion=binding_names,
            help="the binding's name; all, if not given",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Shows what waits, the oldest first. The cell shows the database's value meanwhile, with a note.

    Exit code 0, also where nothing waits. 1: there is no such binding, or the database gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core.moments import shown_moment
    from tabstream.core.readable import shown_key, value_text
    from tabstream.operations.held import list_held

    found = list_held(load_settings(), binding)
    if as_json:
        print_json([_record(value) for value in found])
        return
    if not found:
        print_text("nothing waits for a decision")
        return
    print_table(
        ("since", "binding", "key", "column", "typed", "in the database then"),
        [
            (
                shown_moment(value.held_ms),
                value.binding,
                shown_key(value.row_key),
                value.column,
                value_text(value.sheet_value),
                value_text(value.database_value),
            )
            for value in found
        ],
    )


@app.command()
def apply(
    binding: Binding,
    key: Key,
    column: Column,
    anyway: Annotated[bool, typer.Option("--anyway", help="also where the database has changed since")] = False,
    as_json: Json = False,
) -> None:
    """Writes the person's value to the table; the tab shows it like any other change.

    Exit code 0: it is written. 1: nothing waits for this cell, the row is gone, the database has changed since or refuses the
    value (nothing has happened then), or it gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core.readable import value_text
    from tabstream.operations import held

    value = held.apply(load_settings(), held.Cell(binding, key, column), anyway=anyway)
    if as_json:
        print_json(_record(value))
    else:
        print_text(f"{column} of {key} is {value_text(value.sheet_value)} now")


@app.command()
def drop(binding: Binding, key: Key, column: Column, as_json: Json = False) -> None:
    """Keeps the database's value, and takes the note away. The value stays on record: `tabstream conflicts`.

    Exit code 0: it waits no longer. 1: nothing waits for this cell, or the database gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core.readable import value_text
    from tabstream.operations import held

    value = held.drop(load_settings(), held.Cell(binding, key, column))
    if as_json:
        print_json(_record(value))
    else:
        print_text(f"{value_text(value.sheet_value)} waits no longer for {column} of {key}")


def _record(value: "HeldValue") -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(value)
