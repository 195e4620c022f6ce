"""Changes to the bindings file: entries are added and taken out, everything else stays as the people wrote it.

A change is made on the text, at the places where the YAML parser says that an entry begins and ends. What comes out is checked
as a whole before it replaces the file, so a file is either right or as it was.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tabstream.bindings_file import load_bindings, read_bindings
from tabstream.core.binding import Bindings
from tabstream.errors import ConfigurationError, OperatorError

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry as it stands in the file; `spreadsheet` is its id where the name it gives is new to the file."""

    binding: Mapping[str, Any]
    spreadsheet_id: str | None = None


def change_file(path: Path, change: Callable[[str], str]) -> Bindings:
    """Replaces the file by what `change` makes of its text; the bindings of the new file.

    Raises ConfigurationError where the file is wrong before, OperatorError where it would be wrong afterwards, or can't be
    written; then it is as it was.
    """
    load_bindings(path)
    target = path.resolve()
    with _locked(target):
        changed = change(target.read_bytes().decode("utf-8"))
        try:
            bindings = read_bindings(changed.removeprefix(_BOM), str(path))
        except ConfigurationError as problem:
            raise OperatorError(
                f"{path} can't be changed without making it wrong: {problem}", "change it by hand"
            ) from problem
        try:
            _replace(target, changed)
        except OSError as problem:
            remedy = "make it writable, or change it by hand"
            raise OperatorError(f"{path} can't be written: {problem.strerror}", remedy) from problem
    return bindings


def check_entry(path: Path, entry: NewEntry) -> None:
    """Raises OperatorError where the file would be wrong with the entry, which is not added yet."""
    text = path.read_bytes().decode("utf-8")
    try:
        read_bindings(with_entry(text, entry).removeprefix(_BOM), "")
    except ConfigurationError as problem:
        # its lines are those of a text that nobody has seen
        said = "; ".join(line.partition(": ")[2] for line in str(problem).splitlines())
        raise OperatorError(f"it can't be bound so: {said}", "correct the command") from problem


def with_entry(text: str, entry: NewEntry) -> str:
    """The text with one more binding, and its spreadsheet where that is new."""
    if entry.spreadsheet_id is not None:
        name = str(entry.binding["spreadsheet"])
        text = _with_spreadsheet(text, name, entry.spreadsheet_id)
    return _with_item(text, dict(entry.binding))


def without_entry(text: str, name: str) -> str:
    """The text without the binding of this name; comments stay. Raises OperatorError where there is none."""
    items = _part(text, "bindings")
    if not isinstance(items, yaml.SequenceNode):
        raise _no_such(name)
    at = next((n for n, item in enumerate(items.value) if _name_of(item) == name), None)
    if at is None:
        raise _no_such(name)
    if len(items.value) == 1:
        return text[: items.start_mark.index] + "[]" + text[_end(items) :] if items.flow_style else _emptied(text, items)
    item = items.value[at]
    if items.flow_style:
        is_last = at == len(items.value) - 1
        start = _end(items.value[at - 1]) if is_last else item.start_mark.index
        end = _end(item) if is_last else items.value[at + 1].start_mark.index
        return text[:start] + text[end:]
    return text[: _line_start(text, item.start_mark.index)] + text[_next_line(text, _end(item)) :]


def entry_text(binding: Mapping[str, Any]) -> str:
    """The entry as a person would write it under `bindings:`."""
    dumped = yaml.safe_dump([dict(binding)], sort_keys=False, allow_unicode=True, default_flow_style=None, width=1_000)
    return str(dumped)


def _with_item(text: str, binding: dict[str, Any]) -> str:
    items = _part(text, "bindings")
    if not isinstance(items, yaml.SequenceNode):
        raise OperatorError("the bindings file has no list of bindings", "write `bindings: []` in it")
    line_end = _line_end(text)
    if items.flow_style and items.value:
        at = _end(items.value[-1])
        return f"{text[:at]}, {json.dumps(binding, ensure_ascii=False)}{text[at:]}"
    if items.flow_style:
        before, after = text[: items.start_mark.index].rstrip(" \t"), text[_end(items) :].lstrip(" \t")
        return f"{before}{line_end}{_indented(entry_text(binding), 2, line_end)}{after.removeprefix(line_end)}"
    return _after(text, items, _indented(entry_text(binding), items.start_mark.column, line_end))


def _with_spreadsheet(text: str, name: str, spreadsheet_id: str) -> str:
    found = _part(text, "spreadsheets")
    if not isinstance(found, yaml.MappingNode):
        raise OperatorError("the bindings file has no spreadsheets", "write `spreadsheets: {}` in it")
    entry = json.dumps({name: {"id": spreadsheet_id}}, ensure_ascii=False)[1:-1]
    if found.flow_style:
        at = _end(found.value[-1][1]) if found.value else found.start_mark.index + 1
        return f"{text[:at]}{', ' if found.value else ''}{entry}{text[at:]}"
    line = yaml.safe_dump({name: {"id": spreadsheet_id}}, allow_unicode=True, default_flow_style=None, width=1_000)
    return _after(text, found, _indented(str(line), found.start_mark.column, _line_end(text)))


def _part(text: str, key: str) -> yaml.Node | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return None
    return next((value for name, value in root.value if name.value == key), None)


def _name_of(item: yaml.Node) -> str | None:
    if not isinstance(item, yaml.MappingNode):
        return None
    return next((value.value for key, value in item.value if key.value == "name"), None)


def _end(node: yaml.Node) -> int:
    """Where a node's own text ends; the parser's mark of a block takes in the comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _emptied(text: str, items: yaml.SequenceNode) -> str:
    """The only entry of a block list, and the list with it, become `[]`."""
    key_end = text.rindex(":", 0, items.start_mark.index) + 1
    start, end = _line_start(text, items.start_mark.index), _next_line(text, _end(items))
    return f"{text[:key_end]} []{text[key_end:start]}{text[end:]}"


def _after(text: str, node: yaml.Node, block: str) -> str:
    at = _next_line(text, _end(node))
    before = text[:at]
    if not before.endswith("\n"):
        before += _line_end(text)
    return before + block + text[at:]


def _indented(block: str, columns: int, line_end: str) -> str:
    return "".join(f"{' ' * columns}{line}{line_end}" for line in block.splitlines())


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _next_line(text: str, at: int) -> int:
    """The beginning of the line after the one in which `at` stands; a block scalar's end is such a beginning."""
    if at and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One change at a time; who has waited for the file that was replaced meanwhile waits for the new one."""
    while True:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                yield
                return


def _replace(path: Path, text: str) -> None:
    """Replaces the file in one step, with its mode kept: a reader sees the old text or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _no_such(name: str) -> OperatorError:
    return OperatorError(f"there is no binding {name!r} in the bindings file", "see: tabstream status")
