"""The sync mark: what the `_sync` cell of a row says about it.

    t1:<checksum>:["<key values>", partition, offset, {column: "digest" or "digest:number"}, write]

`t1` is the format's version, `write` the number of the write that left it there. The checksum (digest of the JSON text)
tells a mark that a person has damaged from one that stands as it was written. A row that is not in the database yet carries
`new:<uuid>`, a copy of a row that is not synced `copy:<key values>`: whoever reads that row alone must not take it for the
one that it was copied from.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import orjson

from tabstream.core.cells import Digest, RowKey, digest, key_cells, row_key
from tabstream.errors import TabstreamError

_VERSION = "t1"
_NAME_CHARACTERS = 100
_NEW = "new:"
_COPY = "copy:"


class DamagedMark(TabstreamError):
    """Text in `_sync` that is no mark: the key cell decides, and the mark is written again."""


class MarkedCell(NamedTuple):
    """One synced cell as written: the value's digest, and the number of the last decision shown (0: none)."""

    digest: Digest
    number: int = 0


class Mark(NamedTuple):
    """The row's key, the position of the last change shown, and its cells as written."""

    key: RowKey
    partition: int
    offset: int
    cells: Mapping[str, MarkedCell]

    def without(self, columns: Container[str]) -> "Mark":
        """The mark without the cells of these columns."""
        return self._replace(cells={name: cell for name, cell in self.cells.items() if name not in columns})


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that a person added: `token` is `new:<uuid>`, the row's name until it has a key."""

    token: str


@dataclass(frozen=True, slots=True)
class CopiedRow:
    """A copy of the row of `key`, which stands elsewhere."""

    key: RowKey


AnyMark: TypeAlias = Mark | NewRow | CopiedRow


def encode_mark(mark: AnyMark, write: int = 0) -> str:
    """The text of the `_sync` cell. `write` is the number of the write: so no two writes leave the same text in two rows."""
    if isinstance(mark, NewRow):
        return mark.token
    if isinstance(mark, CopiedRow):
        return f"{_COPY}{mark.key}"
    cells = {c: f"{m.digest}:{m.number}" if m.number else m.digest for c, m in mark.cells.items()}
    last = f",{write}" if write else ""
    payload = f"[{mark.key},{mark.partition},{mark.offset},{orjson.dumps(cells).decode()}{last}]"  # a key is such JSON already
    return f"{_VERSION}:{digest(payload)}:{payload}"


def mark_name(text: str) -> str:
    """What tells the text of a `_sync` cell from that of any other row, as good as the text itself, and short."""
    version, _, rest = text.partition(":")
    return rest.partition(":")[0] if version == _VERSION else text[:_NAME_CHARACTERS]


def decode_mark(text: str | None) -> AnyMark | None:
    """The mark in a `_sync` cell's text; None for an empty cell. Raises DamagedMark."""
    if not text:
        return None
    if text.startswith(_NEW):
        return NewRow(text)
    if text.startswith(_COPY):
        return CopiedRow(text.removeprefix(_COPY))
    version, _, rest = text.partition(":")
    checksum, _, payload = rest.partition(":")
    if version != _VERSION or checksum != digest(payload):
        raise DamagedMark(f"{text[:80]!r} is not a sync mark")
    key, partition, offset, cells, *_ = orjson.loads(payload)
    return Mark(
        row_key(key_cells(key)), partition, offset, {c: _marked(m) if ":" in m else MarkedCell(m) for c, m in cells.items()}
    )


def _marked(text: str) -> MarkedCell:
    value_digest, _, number = text.partition(":")
    return MarkedCell(value_digest, int(number) if number else 0)
