"""What is wrong in a bindings file, in words for the person who wrote it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from tabstream.bindings_entries import (
    BindingEntry,
    BindingsEntry,
    ColumnEntry,
    GuardEntry,
    SpreadsheetEntry,
    did_you_mean,
)
from tabstream.core.binding import SYNC_HEADER
from tabstream.yaml_lines import Document, Place, Problem

_LONGEST_VALUE = 80


def in_words(document: Document, found: ErrorDetails) -> Problem:
    """An error that pydantic found, in our words and at its line."""
    place = tuple(found["loc"])
    words = _WORDS.get(found["type"])
    text = words(place, found) if words else f"{_key(place)} {_short(found['input'])} is not allowed: {found['msg'].lower()}"
    return Problem(document.line(place), _where(document.data, place) + text)


def _unknown_key(place: Place, _: ErrorDetails) -> str:
    allowed = tuple(_model_of(place).model_fields)
    key = str(place[-1])
    return f"unknown key {key!r}: {did_you_mean(key, allowed)}allowed are {', '.join(allowed)}"


def _missing_key(place: Place, _: ErrorDetails) -> str:
    field = _model_of(place).model_fields[str(place[-1])]
    return f"key {place[-1]!r} is missing: add it, {field.description}"


def _own_words(_: Place, found: ErrorDetails) -> str:
    return str(found["ctx"]["error"])


def _wanted(wanted: str) -> Callable[[Place, ErrorDetails], str]:
    def words(place: Place, found: ErrorDetails) -> str:
        limits = {name: value for name, value in found.get("ctx", {}).items() if name != "error"}
        return f"{_key(place)} is {_short(found['input'])}, and must be {wanted.format_map(limits)}"

    return words


_WORDS: dict[str, Callable[[Place, ErrorDetails], str]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing_key,
    "value_error": _own_words,
    "string_type": _wanted("text: put it in quotes"),
    "string_too_short": _wanted("text that is not empty"),
    "string_too_long": _wanted("at most {max_length} characters"),
    "bool_type": _wanted("true or false"),
    "int_type": _wanted("a whole number"),
    "int_from_float": _wanted("a whole number"),
    "float_type": _wanted("a number"),
    "greater_than": _wanted("above {gt:g}"),
    "greater_than_equal": _wanted("{ge:g} or more"),
    "less_than_equal": _wanted("{le:g} or less"),
    "finite_number": _wanted("a number that ends"),
    "literal_error": _wanted("{expected}"),
    "list_type": _wanted("a list, each item after a -"),
    "dict_type": _wanted("keys with values"),
    "model_type": _wanted("keys with values"),
}


def _model_of(place: Place) -> type[BaseModel]:
    """The model whose field the last step of the place is."""
    outer = place[:-1]
    if not outer:
        return BindingsEntry
    if outer[0] == "spreadsheets":
        return SpreadsheetEntry
    if "columns" in outer:
        return ColumnEntry
    return GuardEntry if outer[-1] == "guard" else BindingEntry


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…"


def _key(place: Place) -> str:
    return next((str(step) for step in reversed(place) if isinstance(step, str) and step != "[key]"), "the file")


def _where(data: Any, place: Place) -> str:
    """`binding 'leads': ` for a place in a binding, with the column if it is in one."""
    if len(place) < 2 or place[0] != "bindings":
        return f"{place[0]} {place[1]!r}: " if len(place) > 2 else ""
    binding = data["bindings"][place[1]]
    names = [f"binding {_name_of(binding, place[1])}"]
    if len(place) > 3 and place[2] == "columns":
        names.append(f"column {_name_of(binding['columns'][place[3]], place[3])}")
    return ", ".join(names) + ": "


def _name_of(entry: Any, index: str | int) -> str:
    name = entry.get("name") if isinstance(entry, dict) else entry
    return repr(name) if isinstance(name, str) else f"number {int(index) + 1}"


def contradictions(document: Document) -> Iterator[Problem]:
    """What is wrong between entries; looks at the raw data, so that it is found beside errors of other kinds."""
    data = document.data if isinstance(document.data, dict) else {}
    entries = data.get("bindings")
    bindings = [
        (("bindings", i), b) for i, b in enumerate(entries if isinstance(entries, list) else []) if isinstance(b, dict)
    ]
    spreadsheets = data.get("spreadsheets")
    ids = {
        name: entry.get("id") if isinstance(entry, dict) else None
        for name, entry in (spreadsheets.items() if isinstance(spreadsheets, dict) else ())
    }
    names = [((*place, "name"), b.get("name")) for place, b in bindings]
    yield from _doubled(document, names, "binding name", "give each binding its own name")
    tabs = [((*place, "tab"), _tab_of(b, ids)) for place, b in bindings]
    yield from _doubled(document, tabs, "tab", "a tab can belong to one binding only")
    for place, binding in bindings:
        yield from _unknown_spreadsheet(document, place, binding, ids)
        yield from _doubled_columns(document, place, binding)


def _tab_of(binding: dict[str, Any], ids: dict[Any, Any]) -> Any:
    tab, spreadsheet = binding.get("tab"), binding.get("spreadsheet")
    known = ids.get(spreadsheet) if isinstance(spreadsheet, str) else None
    return f"{tab} of {known}" if isinstance(tab, str) and isinstance(known, str) else None


def _unknown_spreadsheet(document: Document, place: Place, binding: dict[str, Any], ids: dict[Any, Any]) -> Iterator[Problem]:
    name = binding.get("spreadsheet")
    if isinstance(name, str) and name and name not in ids:
        allowed = tuple(str(known) for known in ids)
        place = (*place, "spreadsheet")
        yield Problem(
            document.line(place),
            f"{_where(document.data, place)}spreadsheet {name!r} is not listed under spreadsheets"
            f": {did_you_mean(name, allowed)}add it there{', or use ' + ', '.join(allowed) if allowed else ''}",
        )


def _doubled_columns(document: Document, place: Place, binding: dict[str, Any]) -> Iterator[Problem]:
    listed = binding.get("columns")
    columns = [
        ((*place, "columns", i), c if isinstance(c, dict) else {"name": c})
        for i, c in enumerate(listed if isinstance(listed, list) else [])
    ]
    where = _where(document.data, (*place, ""))
    names = [(at, c.get("name")) for at, c in columns]
    doubled = list(_doubled(document, names, where + "column", "list each column once"))
    headers = [(at, c.get("header") or c.get("name")) for at, c in columns]
    if not doubled:
        doubled = list(_doubled(document, headers, where + "header", "give each column its own header"))
    yield from doubled
    for at, column in columns:
        if column.get("name") == SYNC_HEADER and not column.get("header"):
            yield Problem(
                document.line(at), f"{where}column {SYNC_HEADER!r}: the header is kept for tabstream: give another one"
            )


def _doubled(document: Document, found: Sequence[tuple[Place, Any]], what: str, remedy: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, value in found:
        if not isinstance(value, str):
            continue
        line = document.line(place)
        if value in first:
            yield Problem(line, f"{what} {value!r} is there twice, first in line {first[value]}: {remedy}")
        first.setdefault(value, line)
