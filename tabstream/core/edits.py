"""What was seen in the sheet, on its way to the database sink."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tabstream.core.cells import CellValue, Digest, ObservedCell, RowKey

NEW_ROW_PREFIX = "new:"


class EditKind(StrEnum):
    """What an edit is about."""

    CELLS = "CELLS"
    INSERT = "INSERT"
    DELETE = "DELETE"
    RETURN = "RETURN"


class How(StrEnum):
    """Who saw it: a trigger, a guarded read, a sweep, or the copy of what a write overwrote."""

    TRIGGER = "TRIGGER"
    READ = "READ"
    SWEEP = "SWEEP"
    PRE_IMAGE = "PRE_IMAGE"


class Outcome(StrEnum):
    """What the database sink made of an observation."""

    APPLIED = "applied"
    SAME = "same"
    REJECTED = "rejected"
    LOST = "lost"
    HELD = "held"
    DELETED = "deleted"
    INSERTED = "inserted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class SeenCell:
    """One cell of an edit: the raw effective value and shown text, and the mark's digest and decision number."""

    column: str
    value: CellValue
    shown: str
    base: Digest
    number: int = 0

    @property
    def observed(self) -> ObservedCell:
        """The cell in the form that a column type's `from_cell` takes."""
        return ObservedCell(self.value, self.shown)


@dataclass(frozen=True, slots=True)
class Edit:
    """One row's observation. `read_begin_ms` and `read_end_ms` bound the time of the read, on Google's clock.

    `partition` and `offset` are the position in the row's mark (CELLS), of the key's newest message (DELETE, RETURN),
    or -1 (INSERT). `script_version` is that of the Apps Script that told it, 0 where none did.
    """

    binding: str
    row_key: RowKey
    kind: EditKind
    read_begin_ms: int
    read_end_ms: int
    how: How
    source_id: str
    zone: str
    partition: int
    offset: int
    cells: tuple[SeenCell, ...]
    script_version: int = 0

    @property
    def kafka_key(self) -> bytes:
        """All edits of a row go to one partition."""
        return f"{self.binding}/{self.row_key}".encode()

    def to_record(self) -> dict[str, Any]:
        """The record of `schemas/edit.avsc`."""
        return {
            "binding": self.binding,
            "row_key": self.row_key,
            "kind": self.kind.value,
            "read_begin_ms": self.read_begin_ms,
            "read_end_ms": self.read_end_ms,
            "how": self.how.value,
            "source_id": self.source_id,
            "zone": self.zone,
            "partition": self.partition,
            "offset": self.offset,
            "cells": [
                {"column": c.column, "value": c.value, "shown": c.shown, "base": c.base, "number": c.number}
                for c in self.cells
            ],
            "script_version": self.script_version,
        }


def parts(edit: Edit, characters: int = 1_500_000) -> list[Edit]:
    """The edit as several that are small enough for a message, where its cells hold more text than `characters`.

    Only changed cells can be told apart from each other; what is one act on a row stays one.
    """
    if edit.kind is not EditKind.CELLS:
        return [edit]
    found: list[list[SeenCell]] = [[]]
    size = 0
    for cell in edit.cells:
        length = len(str(cell.value)) + len(cell.shown)
        if found[-1] and size + length > characters:
            found.append([])
            size = 0
        found[-1].append(cell)
        size += length
    return [replace(edit, cells=tuple(cells)) for cells in found]


def edit_from_record(record: Mapping[str, Any]) -> Edit:
    """The inverse of `Edit.to_record`; raises KeyError or ValueError on a record of another shape."""
    return Edit(
        binding=record["binding"],
        row_key=record["row_key"],
        kind=EditKind(record["kind"]),
        read_begin_ms=record["read_begin_ms"],
        read_end_ms=record["read_end_ms"],
        how=How(record["how"]),
        source_id=record["source_id"],
        zone=record["zone"],
        partition=record["partition"],
        offset=record["offset"],
        cells=tuple(SeenCell(c["column"], c["value"], c["shown"], c["base"], c["number"]) for c in record["cells"]),
        script_version=record["script_version"],
    )
