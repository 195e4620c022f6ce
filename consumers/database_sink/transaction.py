"""One transaction: lock, decide, claim, write, answer, keep registers and progress.

It reads top down in `Transaction.run`. Whatever fails rolls all of it back; the caller decides what then.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from consumers.database_sink.arrivals import Arrival, Unit
from consumers.database_sink.writing import Write, write_alone, write_many
from tabstream.core.binding import Direction
from tabstream.core.edits import NEW_ROW_PREFIX, Edit, EditKind, Outcome
from tabstream.core.registers import CellRegister, Standing
from tabstream.core.rowmerge import (
    Answers,
    DatabaseRow,
    Verdict,
    WriteKind,
    canonical,
    judge,
    key_texts,
    refused,
    replayed,
    stored,
)
from tabstream.errors import NotAccepted
from tabstream.postgres import outbox, progress, registers
from tabstream.postgres.connection import Connection
from tabstream.postgres.progress import ParkedEdit, Partition
from tabstream.postgres.rows import KeyTexts, Locked, LockMode, Rows
from tabstream.postgres.statements import statement

LOCKED = "another session has locked the row"
_LOCK_WAIT_MS = "1000"


@dataclass(frozen=True, slots=True)
class Decided:
    """An edit with the door to its table and what was decided."""

    arrival: Arrival
    edit: Edit
    rows: Rows
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Settled:
    """A committed unit: what was decided, and which arrivals are set aside."""

    decided: Sequence[Decided]
    parked: Sequence[Arrival]


@dataclass(slots=True)
class Transaction:
    """Deals with one unit. `doors` gives the door to each edit's table, by binding and zone. `inserts` False leaves new rows
    out, because a sequence that has given a key does not take it back in a rollback."""

    connection: Connection
    unit: Unit
    moves: Mapping[Partition, tuple[int, int]]
    doors: Mapping[tuple[str, str], Rows]
    inserts: bool = True
    _decided: list[Decided] = field(default_factory=list)
    _parked: list[Arrival] = field(default_factory=list)

    def run(self) -> Settled:
        """Commits the unit. Raises LostProgress or psycopg.Error, and then nothing has happened."""
        with self.connection.transaction():
            self.connection.execute(statement("limit_lock_waits"), (_LOCK_WAIT_MS,))
            progress.advance(self.connection, self.moves)
            self._parked = [a for a in self.unit.arrivals if a.park is not None]
            self._decide()
            self._claim()
            self._write()
            self._answer()
            self._set_aside()
        return Settled(self._decided, self._parked)

    def _decide(self) -> None:
        arrivals = list(self.unit.decided)
        rows = self._lock(arrivals)
        waiting = [a for a in arrivals if rows.get(a.position) is Locked.ROW]
        self._parked.extend(waiting)
        arrivals = [a for a in arrivals if rows.get(a.position) is not Locked.ROW]
        edits = [a.edit for a in arrivals if a.edit is not None]
        if not edits:
            return
        known = registers.read_registers(self.connection, {(e.binding, e.row_key) for e in edits})
        about_rows = {a.position: a.edit for a in arrivals if a.edit is not None and a.edit.kind is not EditKind.CELLS}
        once = registers.read_once(self.connection, about_rows)
        highest = max((cell.number for e in edits for cell in e.cells), default=0)
        numbers = registers.take_numbers(self.connection, len(edits), highest)
        for arrival, edit, number in zip(arrivals, edits, numbers, strict=True):
            door = self._door(edit)
            row = rows.get(arrival.position)
            cells = known.get((edit.binding, edit.row_key), {})
            answered = once.get(arrival.position)
            now = row if isinstance(row, DatabaseRow) else None
            verdict = judge(edit, now, cells, answered, door.table, _number(arrival, edit, cells, number))
            if arrival.refusal is not None:
                verdict = refused(verdict, {}, arrival.refusal)
            self._decided.append(Decided(arrival, edit, door, verdict))

    def _lock(self, arrivals: Sequence[Arrival]) -> dict[progress.Position, DatabaseRow | Locked | None]:
        found: dict[progress.Position, DatabaseRow | Locked | None] = {}
        groups: dict[tuple[tuple[str, str], LockMode], list[tuple[Arrival, KeyTexts]]] = defaultdict(list)
        for arrival in arrivals:
            edit = arrival.edit
            if edit is None or edit.kind is EditKind.INSERT:
                continue
            door = self._door(edit)
            key = _key_of(edit.row_key, door)
            if key is not None:
                groups[(edit.binding, edit.zone), _lock_mode(edit, door)].append((arrival, key))
        for (name, mode), members in groups.items():
            rows = self.doors[name].lock(self.connection, [key for _, key in members], mode)
            found.update({arrival.position: row for (arrival, _), row in zip(members, rows, strict=True)})
        return found

    def _claim(self) -> None:
        keys: dict[str, list[str]] = defaultdict(list)
        for decided in self._decided:
            if decided.verdict.answers is not None:
                keys[decided.edit.binding].append(decided.edit.row_key)
        outbox.write_claims(self.connection, keys)

    def _write(self) -> None:
        writes = {
            n: Write(d.verdict, _key_of(d.edit.row_key, d.rows) or ())
            for n, d in enumerate(self._decided)
            if d.verdict.kind is not WriteKind.NONE and (self.inserts or d.verdict.kind is not WriteKind.INSERT)
        }
        if not writes:
            return
        if self.unit.alone:
            for number, write in writes.items():
                door = self._decided[number].rows
                self._replace(number, write_alone(self.connection, door, write))
            return
        for door, numbers in self._by_door(writes):
            verdicts = write_many(self.connection, door, [writes[n] for n in numbers])
            for number, verdict in zip(numbers, verdicts, strict=True):
                self._replace(number, verdict)
        self.connection.execute(statement("all_constraints_now"))

    def _answer(self) -> None:
        results: dict[int, outbox.Result] = {}
        answered = [n for n, d in enumerate(self._decided) if d.verdict.answers is not None]
        for door, numbers in self._by_door(answered):
            keys = {n: _key_of(_row_now(self._decided[n]), door) for n in numbers}
            there = {n: key for n, key in keys.items() if key is not None}
            rows = dict(zip(there, door.read(self.connection, list(there.values())), strict=True)) if there else {}
            for n in numbers:
                row = rows.get(n)
                if row is not None:
                    self._replace(n, stored(self._decided[n].verdict, canonical(row, door.table.shape)))
                if self._decided[n].arrival.again:
                    self._replace(n, replayed(self._decided[n].verdict))
                results[n] = _result(self._decided[n], row)
        outbox.write_answers(self.connection, [results[n] for n in answered])
        self._keep()

    def _keep(self) -> None:
        connection = self.connection
        verdicts = [d.verdict for d in self._decided]
        registers.write_registers(connection, dict(_registers(verdicts)))
        registers.write_once(connection, dict(_once(self._decided)))
        records = [record for d in self._decided for record in _records(d)]
        outbox.write_conflicts(connection, records)
        held = {(r.conflict.binding, r.conflict.row_key, r.conflict.column) for r in records if r.winner == "held"}
        outbox.drop_held(connection, [cell for d in self._decided for cell in _no_longer_held(d) if cell not in held])

    def _set_aside(self) -> None:
        waiting = {a.position for a in self._parked}
        taken_up = [a.position for a in self.unit.arrivals if a.retried and a.position not in waiting]
        progress.unpark(self.connection, taken_up)
        progress.park(self.connection, [_parked_edit(a) for a in self._parked if not a.retried])

    def _door(self, edit: Edit) -> Rows:
        return self.doors[edit.binding, edit.zone]

    def _by_door(self, numbers: Iterable[int]) -> Iterable[tuple[Rows, list[int]]]:
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number in numbers:
            edit = self._decided[number].edit
            groups[edit.binding, edit.zone].append(number)
        return [(self.doors[name], members) for name, members in groups.items()]

    def _replace(self, number: int, verdict: Verdict) -> None:
        old = self._decided[number]
        self._decided[number] = Decided(old.arrival, old.edit, old.rows, verdict)


def _number(arrival: Arrival, edit: Edit, registers: Mapping[str, CellRegister], number: int) -> int:
    """The number of a decision: `number`, but for cells that are decided again. Theirs is at most the one that they had, which
    marks hold in later edits: else a refused value that was typed once more would be taken for a repeat."""
    if not arrival.again or edit.kind is not EditKind.CELLS:
        return number
    shown = [cell.number for cell in edit.cells]
    decided = [register.last.number for register in registers.values() if register.last is not None]
    return min(number, max(shown + decided, default=0) + 1)


def _lock_mode(edit: Edit, door: Rows) -> LockMode:
    if door.table.binding.direction is Direction.DATABASE_TO_SHEET:
        return LockMode.NONE
    return LockMode.UPDATE if edit.kind is EditKind.DELETE else LockMode.NO_KEY_UPDATE


def _key_of(key: str | None, door: Rows) -> KeyTexts | None:
    if key is None or key.startswith(NEW_ROW_PREFIX):
        return None
    try:
        return key_texts(key, door.table.shape)
    except (NotAccepted, ValueError):
        return None


def _row_now(decided: Decided) -> str | None:
    answers = decided.verdict.answers
    if answers is None or answers.row is None:
        return decided.edit.row_key
    return answers.row.key


def _result(decided: Decided, row: DatabaseRow | None) -> outbox.Result:
    verdict = decided.verdict
    if verdict.answers is None:
        raise ValueError("an edit without answers has no result")
    # A missing row can't be locked, nor is the row of a repeated token, nor any row that this role may only read.
    gone = verdict.kind is WriteKind.DELETE
    locked = verdict.kind is WriteKind.INSERT or decided.edit.kind is not EditKind.INSERT
    one_way = decided.rows.table.binding.direction is Direction.DATABASE_TO_SHEET
    exact = gone or (row is not None and locked and not one_way)
    return outbox.Result(
        decided.edit.binding, decided.edit.row_key, verdict.answers, None if row is None else row.texts, exact
    )


def _registers(verdicts: Iterable[Verdict]) -> Iterable[tuple[tuple[str, str, str], CellRegister]]:
    for verdict in verdicts:
        key = verdict.edit.row_key
        if verdict.kind is WriteKind.INSERT:
            if verdict.row is None or verdict.row.key is None:
                continue
            key = verdict.row.key
        for column, register in verdict.registers.items():
            yield (verdict.edit.binding, key, column), register


def _once(decided: Iterable[Decided]) -> Iterable[tuple[registers.OnceName, tuple[Edit, Answers]]]:
    for one in decided:
        edit, verdict = one.edit, one.verdict
        if verdict.answers is None or verdict.repeated is not None:
            continue
        if verdict.once:
            yield registers.once_name(edit), (edit, verdict.answers)
        elif verdict.row is not None and verdict.row.outcome is Outcome.REJECTED:
            yield registers.refusal_name(edit, one.arrival.position), (edit, verdict.answers)


def _records(decided: Decided) -> Iterable[outbox.Record]:
    columns = decided.rows.table.shape.by_name
    winners = {Outcome.APPLIED: "sheet", Outcome.LOST: "database", Outcome.HELD: "held"}
    for decision, conflict in decided.verdict.lost:
        if decision.answer is not None and decision.answer.outcome in winners:
            rule = columns[conflict.column].conflict
            yield outbox.Record(conflict, winners[decision.answer.outcome], rule, decision.answer.number)


def _no_longer_held(decided: Decided) -> Iterable[tuple[str, str, str]]:
    if not any(c.conflict == "hold" or ":" in c.conflict for c in decided.rows.table.shape.columns):
        return
    for decision in decided.verdict.cells:
        if decision.standing is Standing.NEW:
            yield decided.edit.binding, decided.edit.row_key, decision.seen.column


def _parked_edit(arrival: Arrival) -> ParkedEdit:
    binding, key = arrival.row or ("", "")
    return ParkedEdit(arrival.position, binding, key, arrival.message, arrival.park or LOCKED, arrival.again)
