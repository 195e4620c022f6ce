"""One history: a person, an application, triggers, both sinks, and all that can go wrong, in an order that a seed draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import psycopg

from sheet_producer.intake import take_in
from sheet_producer.post import Post
from sheets_emulator.model.workbook import Sheet
from sheets_emulator.person.actions import Fired
from tabstream.clock import ManualClock
from tabstream.core.binding import Binding, Bindings, ConflictRule
from tabstream.errors import TabstreamError
from tabstream.kafka.messages import Signal, SignalKind
from tabstream.sheets.errors import SheetsOutage, Uncertain
from tabstream.sheets.ranges import grid_range
from tests.simulation.database import Database, shape
from tests.simulation.ghosts import FIRST, Ghosts
from tests.simulation.people import TEMPERS, Person
from tests.simulation.rules import ALL, Rules
from tests.simulation.sinks import DatabaseSink, SheetSink
from tests.simulation.spreadsheet import GOOGLE_AHEAD_MS, SPREADSHEET_ID, TITLE, Delayed, Spreadsheet
from tests.simulation.topics import Broker

STEPS = 70
_CELL = "userEnteredValue/formulaValue,effectiveValue,formattedValue"
_TRIGGER_FIELDS = f"sheets(data(startRow,rowData(values({_CELL}))))"
_RULES = (ConflictRule.LAST_WRITE_WINS, ConflictRule.DATABASE_WINS, ConflictRule.SHEET_WINS)


class Crashed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """Everything in one place; `story` tells it. After `run`, `owner` and `database` are what is left."""

    seed: int
    rules: Rules = ALL
    story: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.clock = ManualClock()
        self.broker = Broker(self.clock, self.random.choice([1, 1, 2]))
        self.database = Database(self.clock, rules=self.rules)
        self.ghosts = Ghosts(self.database)
        self.spreadsheet = Spreadsheet(self.random, rules=self.rules, written=self._written)
        self.binding = Binding("leads", "public.leads", "sales", SPREADSHEET_ID, TITLE)
        self.shape = shape(self.random.choice(_RULES).value)
        self.person = Person(self.random, self.spreadsheet, self.ghosts, self.fresh)
        self.temper = self.random.choice(TEMPERS)
        self.fired: list[Fired] = []
        self.posts: list[dict[str, Any]] = []
        self.late: list[Sequence[dict[str, Any]]] = []
        self.stale: list[SheetSink] = []
        self.faulty, self.within = True, False
        self.number, self.copies = FIRST, 0
        self._fill_table()
        self.sheet_sink = self._new_sheet_sink()
        self.database_sink = self._new_database_sink()

    def say(self, *words: object) -> None:
        """Adds to the story."""
        self.story.append(f"{self.clock.now_ms() - 1_700_000_000_000:7} " + " ".join(map(str, words)))

    def fresh(self) -> int:
        """A number that no value had before."""
        self.number += 1
        return self.number

    def run(self) -> None:
        """The history, then quiet until nothing moves any more."""
        self.settle(20)
        self._begin_remarks()
        moves = self._moves()
        for _ in range(STEPS):
            self.clock.advance(self.random.choice([0.01, 0.1, 0.3, 0.7]))
            self._any_of(moves)
        self.faulty = False
        self.say("quiet")
        self.database.locked.clear()
        self._land_late()
        self.settle(90)
        while told := self.person.tidy():
            self.say("person", told)
            self.copies += 1
            self.settle(90)

    def _fill_table(self) -> None:
        with self.database.transaction():
            for _ in range(self.random.choice([0, 2, 4, 6])):
                self.database.insert({"name": f"a{self.fresh()}", "amount": f"{self.fresh()}.25"})

    def _begin_remarks(self) -> None:
        for _ in range(3):
            self.person.act({"remark": 1})

    def settle(self, most: int) -> None:
        """Everything does what is due, with no fault, until nothing moves; at most so many times."""
        unchanged = 0
        was = self.faulty
        self.faulty = False
        for _ in range(most):
            self.clock.advance(0.8)
            before = (self.spreadsheet.workbook.version, len(self.database.told), self.number_of_edits())
            for move in (self._trigger, self._post, self._post, self._stream_all, self._decide, self._stream_all, self._own):
                move()
            while self.fired or self.posts:
                self._trigger()
                self._post()
            after = (self.spreadsheet.workbook.version, len(self.database.told), self.number_of_edits())
            unchanged = unchanged + 1 if before == after else 0
            if unchanged > 18:
                break
        self.faulty = was

    def number_of_edits(self) -> int:
        """Messages in the edits topic."""
        return sum(map(len, self.broker.edits))

    def _moves(self) -> dict[Callable[[], None], float]:
        return {
            self._person: 5,
            self._application: 2.5,
            self._trigger: 4,
            self._post: 5,
            self._stream: 4,
            self._decide: 4,
            self._own: 7,
            self._own_stale: 1,
            self.crash_owner: 0.25,
            self._take_over: 0.2,
            self._crash_database_sink: 0.2,
            self._land_late: 0.2,
            self._lose_post: 0.6,
            self._sweep: 0.4,
            self._lock: 0.2,
            self._compact: 0.15,
        }

    def _any_of(self, moves: dict[Callable[[], None], float]) -> None:
        self.random.choices(list(moves), list(moves.values()))[0]()

    # people and the application

    def _person(self) -> None:
        told, fired = self.person.act(self.temper)
        if told:
            self.say("person", told)
        self.fired += [item for item in fired if self.random.random() < 0.7]

    def _application(self) -> None:
        kind = self.random.choices(["update", "insert", "delete", "rekey", "again", "truncate"], [6, 1.5, 1, 0.8, 0.3, 0.1])[0]
        try:
            with self.database.transaction():
                for _ in range(self.random.choice([1, 1, 2])):
                    getattr(self, "_do_" + kind)()
        except psycopg.Error:
            self.say("application fails to", kind)

    def _do_update(self) -> None:
        if key := self._some_key():
            column, value = self.random.choice([("name", f"a{self.fresh()}"), ("amount", f"{self.fresh()}.25")])
            self.database.put(key, {**self.database.kept.rows[key], column: value})
            self.say("application sets", key, column, value)

    def _do_insert(self) -> None:
        key = self.database.insert({"name": f"a{self.fresh()}", "amount": None})
        self.ghosts.application_keys.add(key)
        self.say("application inserts", key)

    def _do_delete(self) -> None:
        if key := self._some_key():
            self.database.remove(key)
            self.ghosts.application_keys.add(key)
            self.say("application deletes", key)

    def _do_rekey(self) -> None:
        if key := self._some_key():
            new = str(100 + self.fresh() % 300)
            self.database.rekey(key, new)
            self.ghosts.application_keys |= {key, new}
            self.say("application changes key", key, "to", new)

    def _do_again(self) -> None:
        if key := self._some_key():
            self.database.remove(key)
            self.database.insert({"id": key, "name": f"a{self.fresh()}"})
            self.ghosts.application_keys.add(key)
            self.say("application deletes and inserts", key)

    def _do_truncate(self) -> None:
        self.ghosts.application_keys |= set(self.database.kept.rows)
        self.database.truncate()
        self.say("application truncates")

    def _some_key(self) -> str | None:
        keys = sorted(self.database.kept.rows.keys() - self.database.locked)
        return self.random.choice(keys) if keys else None

    def _lock(self) -> None:
        keys = sorted(self.database.kept.rows)
        self.database.locked = set() if self.database.locked or not keys else {self.random.choice(keys)}

    # triggers and the producer

    def _trigger(self) -> None:
        if not self.fired:
            return
        fired = self.fired.pop(self.random.randrange(len(self.fired)))
        now = self.clock.now_ms() + GOOGLE_AHEAD_MS
        post: dict[str, Any] = {"version": 1, "id": f"p{self.fresh()}", "spreadsheet_id": SPREADSHEET_ID, "sheet_id": 0}
        post |= {"tab": TITLE, "zone": "Etc/GMT", "event": "change", "read_begin_ms": now, "read_end_ms": now + 5}
        if (area := fired.area) is not None:
            ranges = [(0, 1), (area.start_row, area.end_row)]
            filters = [{"gridRange": grid_range(0, rows, None)} for rows in ranges]
            header, found = self.spreadsheet.get(filters, _TRIGGER_FIELDS)["sheets"][0]["data"]
            rows = found.get("rowData", [])
            cells = {area.start_row + at: row.get("values", []) for at, row in enumerate(rows)}
            post |= {"event": "edit", "header": header["rowData"][0]["values"]}
            post["rows"] = [{"row": row, "values": cells.get(row, [])} for row in range(area.start_row, area.end_row)]
            touched = (area.start_row, area.end_row, area.start_column, area.end_column)
            post["touched"] = dict(zip(("start_row", "end_row", "start_column", "end_column"), touched, strict=True))
        self.posts.append(post)

    def _post(self) -> None:
        if not self.posts:
            return
        at = self.random.randrange(len(self.posts))
        taken = take_in(Post.model_validate(self.posts[at]), Bindings((self.binding,)), self.clock.now_ms())
        for edit in taken.edits:
            self.broker.edit(edit)
            self.say("post", edit.row_key, [(c.column, c.value, c.number) for c in edit.cells])
        if taken.poke is not None:
            self.broker.signal(taken.poke)
        if not self.faulty or self.random.random() < 0.8:
            self.posts.pop(at)

    def _lose_post(self) -> None:
        if self.posts:
            self.posts.pop(self.random.randrange(len(self.posts)))

    # the topics

    def _stream(self) -> None:
        self.database.stream(self.broker, self.random.choice([1, 2, 3, 100]))

    def _stream_all(self) -> None:
        self.database.stream(self.broker)

    def _compact(self) -> None:
        self.broker.compact(self.clock.now_ms() - 15_000)

    # the database sink

    def _decide(self) -> None:
        told = len(self.database.told)
        try:
            self.database_sink.turn(self.random.choice([1, 2, 100]))
        except Crashed:
            self.say("database sink crashes")
            self.database_sink = self._new_database_sink()
        for row in self.database.told[told:]:
            if row["kind"] == "answer":
                self.say("answer", row["row_key"], row["answers"], row["row_lsn"])

    def _crash_database_sink(self) -> None:
        self.database_sink = self._new_database_sink()

    def _committing(self, when: str) -> None:
        if self.faulty and self.random.random() < 0.04:
            if self.random.random() < 0.5:
                raise Crashed
            raise psycopg.OperationalError(f"connection lost {when} the commit")

    def _new_database_sink(self) -> DatabaseSink:
        bindings, faulty = Bindings((self.binding,)), self.faulty
        self.faulty = False
        made = DatabaseSink(self.database, self.broker, bindings, self.shape, self.clock, self._committing, self.rules)
        self.faulty = faulty
        return made

    # the sheet sink

    def _own(self) -> None:
        signals, self.broker.signals = self.broker.signals, []
        for signal in signals:
            self.sheet_sink.owner.signal(signal)
        if not self._turn(self.sheet_sink):
            self.say("owner crashes")
            self.sheet_sink = self._new_sheet_sink()
            self._turn(self.sheet_sink)

    def _own_stale(self) -> None:
        if self.stale:
            sink = self.random.choice(self.stale)
            if not self._turn(sink) or sink.owner.stop.is_set():
                self.stale.remove(sink)

    def _turn(self, sink: SheetSink) -> bool:
        """False where the process has ended in it."""
        within, self.within = self.within, True
        try:
            sink.turn()
            sink.pump(self.random.choice([1, 2, 1_000]) if self.faulty else 1_000)
            sink.turn()
            return True
        except Crashed:
            return False
        finally:
            self.within = within

    def _written(self, sheet: Sheet) -> None:
        self.ghosts.written(sheet)
        rows = [[sheet.cell(row, column).effective for column in range(5)] for row in range(1, sheet.used_rows())]
        self.say("sheet sink writes", *(f"\n{'':20}{row}" for row in rows))

    def _between(self, when: str) -> None:
        if not self.faulty:
            return
        self.clock.advance(self.random.choice([0.02, 0.2]))
        while self.random.random() < 0.3:
            self._any_of(self._moves_between())
        fault = self.random.random()
        if fault < 0.02:
            raise Crashed
        if fault < 0.03:
            raise SheetsOutage("not reached")
        if fault < 0.06 and when == "after write":
            raise Uncertain("no answer")
        if fault < 0.06 and when == "before write":
            raise Delayed

    def _moves_between(self) -> dict[Callable[[], None], float]:
        moves: dict[Callable[[], None], float] = {self._person: 6, self._application: 2, self._stream: 2, self._decide: 2}
        return {**moves, self._trigger: 1, self._post: 2, self._land_late: 0.5}

    def crash_owner(self) -> None:
        """Another process of the sheet sink takes the place of this one, which has ended."""
        self.say("owner crashes")
        self.sheet_sink = self._new_sheet_sink()

    def _take_over(self) -> None:
        self.say("another owner")
        self.stale.append(self.sheet_sink)
        self.sheet_sink = self._new_sheet_sink()

    def _land_late(self) -> None:
        late, self.late[:] = list(self.late), []
        for requests in late:
            try:
                self.spreadsheet.apply(requests)
                self.say("a late call lands")
            except TabstreamError as problem:
                self.say("a late call is refused:", problem)

    def _sweep(self) -> None:
        self.broker.signal(Signal("", SPREADSHEET_ID, SignalKind.SWEEP, self.clock.now_ms()))

    def _new_sheet_sink(self) -> SheetSink:
        def still_owner(_: object) -> bool:
            return self.sheet_sink is sink

        sink = SheetSink(
            self.spreadsheet,
            self.broker,
            self.database,
            self.binding,
            self.shape,
            self.clock,
            self._between,
            still_owner,
            self.late,
            self.rules,
        )
        return sink
