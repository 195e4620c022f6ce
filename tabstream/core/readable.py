"""Decoded values and keys as an operator reads them on one line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tabstream.core.types.avro import avro_text, is_unavailable

_WIDTH = 60


def printable(text: str) -> str:
    """The text with what would steer a terminal, or break the line, written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: Any) -> str:
    """A value of a cell or an Avro field: texts in quotes, numbers and booleans without, none as NULL."""
    if value is None:
        return "NULL"
    if is_unavailable(value):
        return "(not in the message)"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool | int | float):
        return str(avro_text(value))
    return json.dumps(value if isinstance(value, str) else avro_text(value), ensure_ascii=False)


def short(value: Any, width: int = _WIDTH) -> str:
    """The same, cut to a width that leaves room for others on the line."""
    return _cut(value_text(value), width)


def values_text(values: Mapping[str, Any]) -> str:
    """Columns with their values; those that are empty are left out."""
    return ", ".join(f"{name} {short(value)}" for name, value in values.items() if value is not None) or "no values"


def texts_text(texts: Mapping[str, str | None]) -> str:
    """The same for texts as the database or the tab shows them, without quotes."""
    return ", ".join(f"{name} {_cut(text, _WIDTH)}" for name, text in texts.items() if text) or "no values"


def changes_text(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> str:
    """What differs, as `column: old -> new`; all values where the old ones are not known."""
    if old is None:
        return f"now {values_text(new)}"
    changed = [name for name in new if new[name] != old.get(name) and not is_unavailable(new[name])]
    return ", ".join(f"{name}: {short(old.get(name))} -> {short(new[name])}" for name in changed) or "no other values"


def plain(value: Any) -> Any:
    """A decoded value as JSON can hold it: bytes as PostgreSQL writes them, what else JSON lacks as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return avro_text(value)


def shown_key(key: Any) -> str:
    """A row's key as the person sees it: `17`, or `17,DE`. Takes a decoded Kafka key, or a row key (a JSON list)."""
    if isinstance(key, Mapping):
        return ",".join(_part(value) for value in key.values())
    if isinstance(key, str) and (values := _json_list(key)) is not None:
        return ",".join(_part(value) for value in values)
    return str(key)


def key_parts(text: str) -> tuple[Any, ...]:
    """The values in a key as a person gives it: `17`, `17,DE`, or a JSON list where a value holds a comma."""
    values = _json_list(text)
    return tuple(text.split(",")) if values is None else tuple(values)


def is_key(key: Any, wanted: str) -> bool:
    """Whether a decoded Kafka key is what a person means: the whole of it, or the row's part of `binding/row key`."""
    if isinstance(key, str):
        of_row = key.partition("/")[2]
        return wanted == key or (bool(of_row) and shown_key(of_row) == shown_key(wanted))
    return isinstance(key, Mapping) and shown_key(key) == shown_key(wanted)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _part(value: Any) -> str:
    return str(avro_text(int(value) if isinstance(value, float) and value.is_integer() else value))


def _json_list(text: str) -> Sequence[Any] | None:
    if not text.startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None
