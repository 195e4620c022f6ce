"""What an operator's rebuild asks of a tab's owner: keys whose rows are to be shown anew, in signals of a bounded size."""

import json
from collections.abc import Iterable, Iterator

from tabstream.core.cells import RowKey

CHARACTERS = 100_000
"""Of one signal's argument, in UTF-8 at most four times as many bytes: below what a broker takes by default."""


def encode_keys(keys: Iterable[RowKey], characters: int = CHARACTERS) -> Iterator[str]:
    """The keys as arguments of one signal after the other; at least one, which may name no key."""
    part: list[RowKey] = []
    size = 0
    for key in keys:
        if part and size + len(key) > characters:
            yield json.dumps(part, ensure_ascii=False)
            part, size = [], 0
        part.append(key)
        size += len(key)
    yield json.dumps(part, ensure_ascii=False)


def decode_keys(argument: str) -> list[RowKey]:
    """The inverse for one argument; raises ValueError for anything else."""
    keys = json.loads(argument)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{argument[:100]!r} is no list of keys")
    return keys
