"""Arrays: canonical JSON text of the elements, each in the database's spelling; lower bounds are not shown."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tabstream.core.cells import CellValue, ObservedCell
from tabstream.core.types.base import PLAIN_TEXT, ColumnType, NumberFormat
from tabstream.core.types.boolean import Boolean
from tabstream.core.types.cell_text import clean, cleaned, fitted, in_words, kept, refuse_cut
from tabstream.core.types.json import Literal, parsed_json, printed
from tabstream.core.types.numeric import Float, Integer, Numeric, parse_number
from tabstream.errors import NotAccepted

_BOUNDS = re.compile(r"(?:\[-?[0-9]+:-?[0-9]+\])+=")
_TOKEN = re.compile(r'[{},]|"(?:[^"\\]|\\.)*"|(?:[^{},"\\]|\\.)+', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r'(["\\])')
_NOT_AN_ARRAY = 'is not a JSON list such as [1, 2] or ["a", "b"]'


@dataclass(frozen=True, slots=True)
class Array:
    """An array of any number of dimensions."""

    element: ColumnType
    chosen_read_only: bool = False
    number_format: NumberFormat | None = PLAIN_TEXT
    validation: None = None

    @property
    def read_only(self) -> bool:
        """An array can be edited if its elements can."""
        return self.chosen_read_only or self.element.read_only

    def from_text(self, text: str | None) -> CellValue:
        """See ColumnType. Takes PostgreSQL's `{...}` and the JSON list that `avro_text` makes of an Avro array."""
        text = clean(text)
        if text is None:
            return None
        try:
            items = _parsed_array(text)
        except ValueError:
            return fitted(text)
        return fitted(self._printed(items, self.element.from_text))

    def from_cell(self, cell: ObservedCell) -> CellValue:
        """See ColumnType."""
        value = cleaned(cell.value)
        items = _json_list(value)
        if items is None:
            return kept(value)
        return self._printed(items, lambda text: self.element.from_cell(ObservedCell(text, text)))

    def to_database(self, value: CellValue) -> str | None:
        """See ColumnType."""
        if value is None:
            return None
        if isinstance(value, str):
            refuse_cut(value)
        items = _json_list(value)
        if items is None:
            raise NotAccepted(f"{in_words(value)} {_NOT_AN_ARRAY}")
        if len(set(_shapes(items))) > 1:
            raise NotAccepted(f"{in_words(value)} has inner lists of different lengths")
        return self._literal(items)

    def _printed(self, items: list[Any], read: Callable[[str], CellValue]) -> str:
        return printed(self._canonical(items, read), binary=False)

    def _canonical(self, item: Any, read: Callable[[str], CellValue]) -> Any:
        """The same lists with every element as JSON has it: a number, true or false, else a string."""
        if isinstance(item, list):
            return [self._canonical(inner, read) for inner in item]
        if item is None or item == "":
            return item
        text = _element_text(item)
        value = read(text)
        try:
            text = self.element.to_database(value) or ""
        except NotAccepted:
            text = value if isinstance(value, str) else text
        return self._scalar(text)

    def _scalar(self, text: str) -> Any:
        if isinstance(self.element, Integer | Numeric | Float) and parse_number(text) is not None:
            return Literal(text)
        if isinstance(self.element, Boolean) and text in ("true", "false"):
            return text == "true"
        return text

    def _literal(self, item: Any) -> str:
        if isinstance(item, list):
            return "{" + ",".join(self._literal(inner) for inner in item) + "}"
        if item is None:
            return "NULL"
        text = _element_text(item)
        accepted = self.element.to_database(self.element.from_cell(ObservedCell(text, text))) if text else ""
        return '"' + _QUOTED.sub(r"\\\1", accepted or "") + '"'


def _element_text(item: Any) -> str:
    if isinstance(item, Literal):
        return item.text
    if isinstance(item, bool):
        return "true" if item else "false"
    return item if isinstance(item, str) else printed(item, binary=False)


def _json_list(value: CellValue) -> list[Any] | None:
    if not isinstance(value, str) or not value.lstrip().startswith("["):
        return None
    try:
        items = parsed_json(value)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) else None


def _shapes(items: list[Any]) -> Iterator[tuple[int, ...]]:
    """The dimensions seen on the way to each element; PostgreSQL wants them all the same."""
    for item in items:
        if isinstance(item, list):
            yield from ((len(items), *inner) for inner in _shapes(item))
        else:
            yield (len(items),)
    if not items:
        yield (0,)


def _parsed_array(text: str) -> list[Any]:
    """The elements as nested lists of texts and None; raises ValueError on a text that is no array."""
    text = _BOUNDS.sub("", text, count=1) if text.startswith("[") else text
    if not text.startswith("{"):
        items = _json_list(text)
        if items is None:
            raise ValueError(f"{text[:60]!r} is no array")
        return items
    root: list[Any] = []
    open_lists = [root]
    for token in _TOKEN.findall(text):
        if token == "{":
            inner: list[Any] = []
            open_lists[-1].append(inner)
            open_lists.append(inner)
        elif token == "}":
            open_lists.pop()
        elif token != ",":
            open_lists[-1].append(_unquoted(token))
        if not open_lists:
            break
    if len(open_lists) != 1 or len(root) != 1:
        raise ValueError(f"{text[:60]!r} is no array")
    items = root[0]
    return items if isinstance(items, list) else []


def _unquoted(token: str) -> str | None:
    if token.startswith('"'):
        return _ESCAPE.sub(r"\1", token[1:-1])
    return None if token.upper() == "NULL" else _ESCAPE.sub(r"\1", token)
