"""A database within the process: one table, what tabstream keeps beside it, and the log that the connector streams."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple, TypeAlias

import psycopg

from tabstream.clock import ManualClock
from tabstream.core.binding import BoundColumn, TableShape
from tabstream.core.types.factory import column_type
from tests.simulation.rules import ALL, Rules
from tests.simulation.topics import Broker

Texts: TypeAlias = Mapping[str, str | None]

BAD = "bad"
FIRST_ID = 1


def shape(conflict: str) -> TableShape:
    """id, name (needed, no text that begins with `bad`), amount (two decimals)."""

    def column(name: str, pg_type: str, nullable: bool, default: bool = False) -> BoundColumn:
        made = column_type(pg_type, nullable=nullable, zone="Etc/GMT")
        return BoundColumn(name, name, pg_type, made, nullable, default, conflict=conflict)

    columns = (column("id", "bigint", False, True), column("name", "text", False), column("amount", "numeric(10,2)", True))
    return TableShape(columns, ("id",))


class Lost(NamedTuple):
    """A conflict on record: whose cell, what the sheet and the database had, and who won."""

    key: str
    column: str
    sheet: str
    database: str
    winner: str


@dataclass
class Kept:
    """All that a transaction may change. `rows` are by their key's text, `changed_us` says when each was written."""

    rows: dict[str, Texts] = field(default_factory=dict)
    changed_us: dict[str, int] = field(default_factory=dict)
    next_id: int = FIRST_ID
    progress: dict[tuple[str, int], int] = field(default_factory=dict)
    registers: dict[tuple[str, str, str], tuple[Any, ...]] = field(default_factory=dict)
    once: dict[tuple[Any, ...], tuple[int, str]] = field(default_factory=dict)
    parked: dict[tuple[str, int, int], tuple[str, str, bytes, bool]] = field(default_factory=dict)
    conflicts: list[Lost] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    effects: list[tuple[str, str, str | None]] = field(default_factory=list)

    def copy(self) -> "Kept":
        """Another one that changes apart from this."""
        made = copy(self)
        for name in ("rows", "changed_us", "progress", "registers", "once", "parked", "conflicts", "log", "effects"):
            setattr(made, name, copy(getattr(self, name)))
        return made


@dataclass
class Database:
    """`log` holds committed events that were not streamed yet; `locked` are keys that the application holds locked.

    `effects` are what the database sink has written, as (key, column, text), `told` is what was committed to the outbox,
    `deleted` are the rows that it has deleted, as they were.
    """

    clock: ManualClock
    kept: Kept = field(default_factory=Kept)
    log: list[dict[str, Any]] = field(default_factory=list)
    lsn: int = 1_000
    xid: int = 700
    number: int = 0
    locked: set[str] = field(default_factory=set)
    effects: list[tuple[str, str, str | None]] = field(default_factory=list)
    rules: Rules = ALL
    deleted: list[tuple[str, Texts]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def transaction(self) -> Iterator[Kept]:
        """All or nothing; what is committed goes to the log in its order."""
        before = self.kept
        self.kept = before.copy()
        try:
            yield self.kept
        except BaseException:
            self.kept = before
            raise
        self.commit()

    def commit(self) -> None:
        """Hands the transaction's events to the connector."""
        self.log += [event | {"xid": self.xid} for event in self.kept.log]
        self.told += [event for event in self.kept.log if "kind" in event]
        self.effects += self.kept.effects
        self.kept.log, self.kept.effects = [], []
        self.xid += 1

    def put(self, key: str, texts: Texts) -> None:
        """Writes a row; raises what the database's rules raise."""
        stored = checked(texts)
        new = key not in self.kept.rows
        self._write(key, stored)
        self._event("c" if new else "u", key, stored)

    def remove(self, key: str, new_key: str | None = None) -> None:
        """Deletes a row, or the old half of a changed key."""
        del self.kept.rows[key]
        self._event("d", key, None, other=new_key)

    def rekey(self, old: str, new: str) -> None:
        """Changes a primary key."""
        if new in self.kept.rows:
            raise psycopg.errors.UniqueViolation(f"key {new} is taken")
        texts = {**self.kept.rows[old], "id": new}
        self.remove(old, new)
        self._write(new, texts)
        self._event("c", new, texts, other=old)

    def insert(self, texts: Texts) -> str:
        """A new row with the defaults where `texts` has nothing; its key."""
        key = texts.get("id")
        if key is None:
            while str(self.kept.next_id) in self.kept.rows:
                self.kept.next_id += 1
            key = str(self.kept.next_id)
            self.kept.next_id += 1
        if key in self.kept.rows:
            raise psycopg.errors.UniqueViolation(f"key {key} is taken")
        self.put(key, {"name": None, "amount": None, **texts, "id": key})
        return key

    def truncate(self) -> None:
        """Empties the table; its trigger tells of it in the outbox."""
        self.kept.rows = {}
        self.outbox({"binding": "public.leads", "row_key": "", "kind": "truncate"})

    def outbox(self, after: Mapping[str, Any]) -> None:
        """A row of tabstream.edit_result."""
        at = datetime.fromtimestamp(self.clock.now_ms() / 1_000, UTC).isoformat()
        row = {
            "keys": None,
            "answers": None,
            "row_data": None,
            "row_lsn": self.lsn_text(),
            **after,
            "decided_at": at,
            "at_ms": self.clock.now_ms(),
        }
        self.lsn += 8
        self.kept.log.append(row)

    def lsn_text(self) -> str:
        """pg_current_wal_insert_lsn()."""
        return f"{self.lsn >> 32:X}/{self.lsn & 0xFFFFFFFF:X}"

    def _write(self, key: str, texts: Texts) -> None:
        self.kept.rows[key] = texts
        self.kept.changed_us[key] = self.clock.now_ms() * 1_000

    def _event(self, op: str, key: str, after: Texts | None, other: str | None = None) -> None:
        event = {"op": op, "id": key, "after": after, "other": other, "lsn": self.lsn, "at_ms": self.clock.now_ms()}
        self.lsn += 8
        self.kept.log.append(event)

    def stream(self, broker: Broker, limit: int = 1_000_000) -> None:
        """The connector passes on at most so many events."""
        passed, self.log = self.log[:limit], self.log[limit:]
        for event in self.rules.events(passed):
            if "kind" in event:
                broker.result(event)
            else:
                _to_topic(broker, event)


def _to_topic(broker: Broker, event: Mapping[str, Any]) -> None:
    key, other = {"id": int(event["id"])}, event["other"]
    source = {"lsn": event["lsn"], "txId": event["xid"], "ts_ms": event["at_ms"]}
    after = event["after"]
    value = None if after is None else {**after, "id": int(after["id"])}
    renamed = None if other is None else (json.dumps({"id": int(other)}).encode(), event["op"] == "d")
    broker.change(key, {"op": event["op"], "after": value, "source": source}, renamed)
    if event["op"] == "d":
        broker.change(key, None)


def checked(texts: Texts) -> dict[str, str | None]:
    """The row as it is stored; raises as PostgreSQL does."""
    name, amount = texts["name"], texts["amount"]
    if name is None:
        raise psycopg.errors.NotNullViolation("name is null")
    if name.startswith(BAD):
        raise psycopg.errors.CheckViolation(f"{name!r} is not allowed")
    rounded = None if amount is None else str(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return {**texts, "amount": rounded}
