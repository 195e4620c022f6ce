"""The entry of the demo in the stack's bindings file."""

from pathlib import Path

import yaml

from tabstream.bindings_file import load_bindings
from tabstream.errors import OperatorError
from tabstream.operations.demo.google import TAB

NAME = "leads"
COLUMNS = ("lead_id", "name", "email", "company", "status", "amount", "follow_up", "active", "notes", "updated_at")


def bound_spreadsheet(path: Path) -> str | None:
    """The id of the demo's spreadsheet, or None if nothing is bound yet.

    Raises OperatorError if the file binds something else, and ConfigurationError if it can't be read.
    """
    bindings = load_bindings(path)
    if not bindings.bindings:
        return None
    ours = [b for b in bindings.bindings if (b.name, b.tab) == (NAME, TAB)]
    if not ours:
        raise OperatorError(
            f"{path} binds other tables, which the demo would disturb", "give the demo a folder of its own: --state-dir"
        )
    return ours[0].spreadsheet_id


def write_binding(path: Path, spreadsheet_id: str) -> None:
    """Writes the bindings file of the demo."""
    columns = [{"name": name, "read_only": True} if name == "updated_at" else name for name in COLUMNS]
    entry = {"name": NAME, "table": "public.leads", "spreadsheet": "demo", "tab": TAB, "columns": columns, "settle_seconds": 1}
    document = {"version": 1, "spreadsheets": {"demo": {"id": spreadsheet_id}}, "bindings": [entry]}
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")
