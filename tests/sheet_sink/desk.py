"""A bound tab in a real spreadsheet of the emulator, written and read as the owner does, one step at a time."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from confluent_kafka import Producer

from consumers.sheet_sink.bound_tab import BoundTab, Place
from consumers.sheet_sink.feed import Feed, Topics
from consumers.sheet_sink.inbox import Inbox
from consumers.sheet_sink.preimage import Overwritten, PreImage, overwritten
from consumers.sheet_sink.reading import Reading, Request, read
from consumers.sheet_sink.rendering import Batch, render
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from consumers.sheet_sink.services import Services
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import SCRATCH_TAB
from tabstream.core.book import Book
from tabstream.core.cells import RowKey
from tabstream.core.changes import Desired
from tabstream.core.tab import Layout
from tabstream.core.tabparts import Draft, Look, TabPlan
from tabstream.core.tabplan import recognise, wanted_changes
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, decode_watermark, encode_watermark
from tabstream.kafka import clients
from tabstream.kafka.events import Events
from tabstream.kafka.publisher import Publisher
from tabstream.sheets import requests as build
from tabstream.sheets.accounts import Account, Accounts
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.quota import Quota
from tests.core.tabs import BINDING, SHAPE
from tests.sheets_emulator.process import EmulatorProcess
from tests.sheets_emulator.running import Person

TITLE = "Leads"
HEADERS = ("id", "name", "amount", "_sync", "remark")
TOPICS = Topics("db.public.leads", "table's id", 1, "db.tabstream.edit_result", "results' id", 0, 0)
METADATA_ID = 7
ZONE = "Etc/GMT"
LOCALE = "en_US"


@contextmanager
def broker() -> Iterator[str]:
    """librdkafka's own broker, with the topics that a feed reads; its address."""
    host = Producer({"test.mock.num.brokers": 1})
    found = next(iter(host.list_topics(timeout=10).brokers.values()))
    for topic in (TOPICS.table, TOPICS.results):
        host.list_topics(topic, timeout=10)
    yield f"{found.host}:{found.port}"
    host.close()


@contextmanager
def services(sheets_url: str, bootstrap_servers: str) -> Iterator[Services]:
    """The doors to the outside, as the process makes them."""
    clock = SystemClock()
    settings = Settings(sheets_url=sheets_url, bootstrap_servers=bootstrap_servers)
    publisher = Publisher(settings)
    events = Events(settings.registry)
    accounts = Accounts((Account("", None, Quota(policy_of(60_000), clock)),))
    yield Services(settings, clock, accounts, publisher, events, clients.admin(settings), "sink-1")
    publisher.close()


@contextmanager
def bound_tab(made: Services, spreadsheet_id: str) -> Iterator[BoundTab]:
    """The tab `Leads`, opened: its feed runs, and finds nothing."""
    binding = replace(BINDING, name=f"leads-{uuid.uuid4()}", spreadsheet_id=spreadsheet_id, tab=TITLE)
    layout = Layout({column.name: HEADERS.index(column.header) for column in SHAPE.columns}, HEADERS.index("_sync"))
    place = Place(0, TITLE, layout, METADATA_ID, 0)
    inbox = Inbox(threading.Event())
    feed = Feed(made.settings, TOPICS, None, inbox, f"tabstream.sheet-sink.{binding.name}")
    feed.start()
    try:
        yield BoundTab(binding, SHAPE, place, TOPICS, feed, inbox, Book(binding, SHAPE), ZONE, LOCALE)
    finally:
        feed.close()


@dataclass
class Desk:
    """A spreadsheet with the tab `Leads`, a person at it, and what its owner knows."""

    services: Services
    server: EmulatorProcess
    client: SheetsClient
    spreadsheet_id: str
    tab: BoundTab
    pre_image: PreImage = field(default_factory=PreImage)
    offsets: Iterator[int] = field(default_factory=lambda: count(1))
    topic: dict[RowKey, Desired] = field(default_factory=dict)

    @property
    def person(self) -> Person:
        return Person(self.server.http, self.spreadsheet_id, TITLE)

    def set_up(self, scratch: tuple[int, int] = (SCRATCH_ROWS, SCRATCH_COLUMNS)) -> None:
        """Header, watermark, scratch tab and fence."""
        title = {"properties": {"sheetId": 0, "title": TITLE}, "fields": "title"}
        nothing = TopicMark(TOPICS.table_id, {})
        mark = Watermark(self.tab.binding.name, 0, 0, 0, ZONE, nothing, TopicMark(TOPICS.results_id, {0: -1}))
        self.send(
            {"updateSheetProperties": title},
            build.update_cells(0, 0, 0, [[build.cell(header) for header in HEADERS]]),
            build.create_metadata(METADATA_ID, METADATA_KEY, encode_watermark(mark), 0),
            build.add_tab(SCRATCH_TAB, SCRATCH_SHEET_ID, True, *scratch),
            build.protect_tab(SCRATCH_SHEET_ID, "set up"),
        )

    def send(self, *requests: dict[str, Any]) -> dict[str, Any]:
        """A batch of somebody else's; its body."""
        return self.client.batch_update(self.spreadsheet_id, requests).body

    def change(self, *rows: Desired) -> None:
        """The database's changes come in."""
        for row in rows:
            self.topic[row.key] = row._replace(offset=next(self.offsets))
            self.tab.book.change(self.topic[row.key])

    def read(self, height: int | None = None) -> Reading:
        """The whole tab and the scratch tab."""
        return read(self.client, self.spreadsheet_id, [Request(self.tab, None)], height, self.services)

    def plan(self, reading: Reading) -> TabPlan:
        """What a flush does after this read."""
        book, now_ms = self.tab.book, self.services.clock.now_ms()
        rows = self.tab.rows(reading.tab(self.tab).cells)
        found = recognise(book, rows)
        wanted = wanted_changes(book, found, Look.WHOLE, now_ms)
        book.changes |= {key: self.topic[key] for key in wanted if book.entries[key].offset >= 0}
        return self.tab.plan(found, Look.WHOLE, reading.tab(self.tab), now_ms, 0)

    def render(self, reading: Reading, plan: TabPlan) -> Batch:
        """The plan as one call."""
        parts = [(self.tab, plan, reading.tab(self.tab))]
        now_ms = self.services.clock.now_ms()
        return render(str(uuid.uuid4()), reading, parts, now_ms)

    def apply(self, batch: Batch, plan: TabPlan) -> None:
        """Sends the call, and takes note of what the tab shows now."""
        answer = self.client.batch_update(self.spreadsheet_id, batch.requests)
        seen = {name: part.seen for name, part in batch.parts.items()}
        self.pre_image.expect(batch, self.services.google_interval(answer), seen)
        book, part = self.tab.book, batch.parts[self.tab.binding.name]
        book.apply_rows({key: row.row for key, row in plan.rows.items()}, plan.finished_tokens, plan.renamed.values())
        for remove in sorted(plan.removes, key=lambda remove: -remove.row):
            book.removed(remove.key, remove.row)
        book.added([add.desired.key for add in plan.adds[: part.added]], part.insert_at)
        left = {add.desired.key for add in plan.adds[part.added :]}
        for key, desired in plan.settled.items():
            if key not in left:
                book.settled(key, desired)
        self.tab.restore.clear()
        self.tab.place.sequence += 1

    def flush(self) -> Batch:
        """Reads, plans and writes, with nobody in between."""
        reading = self.read()
        plan = self.plan(reading)
        batch = self.render(reading, plan)
        self.apply(batch, plan)
        return batch

    def put_right(self) -> list[Draft]:
        """Looks at what the last write hit, and flushes until there is nothing to do; what was reported meanwhile."""
        drafts = []
        for _ in range(5):
            for met in self.met():
                drafts += met.drafts
                self.tab.restore = met.deleted
                self.tab.book.doubt(met.keys, met.mistakes)
            reading = self.read()
            self.pre_image.reported = reading.scratch_batch
            plan = self.plan(reading)
            drafts += plan.drafts
            if not plan.writes and not self.tab.restore:
                return drafts
            self.apply(self.render(reading, plan), plan)
        raise AssertionError("no end to the repairs")

    def met(self) -> list[Overwritten]:
        """What the last write overwrote unseen."""
        return overwritten(self.read(), {self.tab.binding.name: self.tab}, self.pre_image)

    def grid(self) -> list[list[str]]:
        """The rows as a person sees them, without the hidden marks, down to the last one that is used."""
        sync = HEADERS.index("_sync")
        rows = [[text for at, text in enumerate(row[: len(HEADERS)]) if at != sync] for row in self.person.rows()]
        while rows and not any(rows[-1]):
            rows.pop()
        return rows[1:]

    def watermark(self) -> Watermark:
        """The watermark as it stands in the tab."""
        seen = self.read().view.tab_by_id(0)
        assert seen is not None
        (text,) = [entry.value for entry in seen.metadata if entry.key == METADATA_KEY]
        found = decode_watermark(text)
        assert found is not None
        return found

    def version(self) -> int:
        """Counts up with every change of the spreadsheet."""
        return self.server.version(self.spreadsheet_id)


@contextmanager
def desk(made: Services, server: EmulatorProcess) -> Iterator[Desk]:
    """A new spreadsheet, set up."""
    client = made.client("", threading.Event())
    spreadsheet_id = str(client.create("sales").body["spreadsheetId"])
    with bound_tab(made, spreadsheet_id) as tab:
        yield Desk(made, server, client, spreadsheet_id, tab)
    client.close()
