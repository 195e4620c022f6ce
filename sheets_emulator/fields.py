"""Field masks: `a,b(c,d/e),f.g`, as Google reads them in `fields` parameters and in requests.

https://developers.google.com/workspace/sheets/api/guides/field-masks
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

Mask: TypeAlias = Mapping[str, Any]
"""Name to the mask below it; an empty mask is everything below. ALL is everything."""

ALL: Mask = {}
_TOKEN = re.compile(r"[A-Za-z_*][A-Za-z0-9_\-]*|[(),/.]|\s+|.")


class BadMask(ValueError):
    """The text is no field mask."""


def parse(text: str | None) -> Mask:
    """The mask that a text means: None or empty is everything; raises BadMask."""
    if not text or text.strip() == "*":
        return ALL
    tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
    mask, at = _list(tokens, 0)
    if at != len(tokens):
        raise BadMask(text)
    return {} if "*" in mask else mask


def covers(mask: Mask, name: str) -> bool:
    """Whether the mask takes (some of) a name."""
    return not mask or name in mask


def below(mask: Mask, name: str) -> Mask:
    """The mask for what is below a name that it covers."""
    found: Mask = mask.get(name, ALL)
    return found


def select(data: Any, mask: Mask) -> Any:
    """The JSON value with only what the mask takes; lists element by element."""
    if not mask:
        return data
    if isinstance(data, list):
        return [select(item, mask) for item in data]
    if not isinstance(data, dict):
        return data
    return {name: select(data[name], deeper) for name, deeper in mask.items() if name in data}


def paths(mask: Mask, prefix: str = "") -> list[str]:
    """The mask's leaves as dotted paths."""
    found = []
    for name, deeper in mask.items():
        found.extend(paths(deeper, f"{prefix}{name}.") if deeper else [f"{prefix}{name}"])
    return found


def updated(old: Mapping[str, Any], new: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """`old` with what the mask takes replaced by what `new` has there; gone where `new` has nothing."""
    if not mask:
        return dict(new)
    result = dict(old)
    for name, deeper in mask.items():
        if deeper and isinstance(old.get(name, {}), dict):
            result[name] = updated(old.get(name) or {}, new.get(name) or {}, deeper)
        else:
            result[name] = new.get(name)
        if result[name] is None or result[name] == {}:
            del result[name]
    return result


def _list(tokens: list[str], at: int) -> tuple[dict[str, Any], int]:
    mask: dict[str, Any] = {}
    while True:
        at = _path(tokens, at, mask)
        if at >= len(tokens) or tokens[at] != ",":
            return mask, at
        at += 1


def _path(tokens: list[str], at: int, mask: dict[str, Any]) -> int:
    if at >= len(tokens) or not re.match(r"[A-Za-z_*]", tokens[at]):
        raise BadMask("".join(tokens))
    name = _camel(tokens[at])
    at += 1
    known = name in mask
    deeper: dict[str, Any] = mask.get(name, {})
    below_part: dict[str, Any] = {}
    if at < len(tokens) and tokens[at] in "/.":
        at = _path(tokens, at + 1, below_part)
    elif at < len(tokens) and tokens[at] == "(":
        below_part, at = _list(tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise BadMask("".join(tokens))
        at += 1
    # A name that is taken whole stays whole, whatever else is asked below it.
    whole = not below_part or "*" in below_part or (known and not deeper)
    mask[name] = {} if whole else _merged(deeper, below_part)
    return at


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    merged = dict(first)
    for name, deeper in second.items():
        if name in merged:
            merged[name] = _merged(merged[name], deeper) if merged[name] and deeper else {}
        else:
            merged[name] = deeper
    return merged


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
