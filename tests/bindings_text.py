"""The text of a bindings file for bindings that differ in nothing but their names and places."""

import yaml

from tabstream.core.binding import Binding


def bindings_text(*bindings: Binding) -> str:
    spreadsheets = {b.spreadsheet: {"id": b.spreadsheet_id} for b in bindings}
    entries = [{"name": b.name, "table": b.table, "spreadsheet": b.spreadsheet, "tab": b.tab} for b in bindings]
    return yaml.safe_dump({"version": 1, "spreadsheets": spreadsheets, "bindings": entries})
