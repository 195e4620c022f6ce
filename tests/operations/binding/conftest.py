"""A spreadsheet of the emulator, and a table to be bound to one of its tabs. There is no Kafka, unless a test brings it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from consumers.sheet_sink.adopting import adoption
from consumers.sheet_sink.scratch import SCRATCH_COLUMNS, SCRATCH_ROWS, SCRATCH_SHEET_ID
from tabstream.cli.main import app
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import SCRATCH_TAB, Binding
from tabstream.core.first_contact import Choices, prepare
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, encode_watermark
from tabstream.errors import TabstreamError
from tabstream.operations.binding.doors import Doors, doors
from tabstream.operations.binding.looking import look
from tabstream.postgres.connection import Connection
from tabstream.sheets import requests as build
from tests.sheets_emulator.running import Emulator, Person, running

TABLE = """
CREATE TABLE public.leads (id bigint PRIMARY KEY, name text NOT NULL, amount numeric(10,2), active boolean);
INSERT INTO public.leads VALUES (1, 'Ann', 1.5, true), (2, 'Bob', 2, false), (3, 'Cid', NULL, NULL);
"""
MARKED = [["mine", "name", "id", "amount", "active"], ["x", "Ann", "1", "1.5", "TRUE"], ["", "Rob", "2", "2", "FALSE"]]
BINDINGS = "# ours\nversion: 1\nspreadsheets: {}\nbindings: []\n"


@dataclass
class Desk:
    """What a command works on."""

    sheets_url: str
    database_url: str
    spreadsheet_id: str
    emulator: Emulator
    file: Path
    kafka: str = "127.0.0.1:1"
    registry: str = "http://127.0.0.1:1"

    @property
    def person(self) -> Person:
        """Somebody at the tab."""
        return self.emulator.person()

    def api(self, request: dict[str, Any]) -> None:
        """A request that no person could make."""
        self.emulator.api(request)

    def run(self, *arguments: str) -> Result:
        """`tabstream ARGUMENTS`; an error that is told the operator is the result's exception."""
        environment = {
            "TABSTREAM_SHEETS_URL": self.sheets_url,
            "TABSTREAM_DATABASE_URL": self.database_url,
            "TABSTREAM_BINDINGS_FILE": str(self.file),
            "TABSTREAM_BOOTSTRAP_SERVERS": self.kafka,
            "TABSTREAM_SCHEMA_REGISTRY_URL": self.registry,
            "TABSTREAM_CONNECT_URL": "http://127.0.0.1:1",
            "TABSTREAM_QUOTA_PER_MINUTE": "60000",
            "COLUMNS": "200",
        }
        logs = structlog.get_config()
        try:
            return CliRunner().invoke(app, arguments, env=environment)
        finally:
            structlog.configure(**logs)

    def refused(self, *arguments: str) -> str:
        """What a command that can't be done says."""
        done = self.run(*arguments)
        assert isinstance(done.exception, TabstreamError), done.output
        remedy = getattr(done.exception, "remedy", "")
        return f"{done.exception}: {remedy}"


@pytest.fixture
def desk(database: Connection, database_url: str, tmp_path: Path) -> Iterator[Desk]:
    database.execute(TABLE)
    file = tmp_path / "bindings.yaml"
    file.write_text(BINDINGS, encoding="utf-8")
    with running() as emulator:
        yield Desk(emulator.url, database_url, emulator.book, emulator, file)


@pytest.fixture
def opened(desk: Desk) -> Iterator[Doors]:
    settings = Settings(
        sheets_url=desk.sheets_url,
        database_url=desk.database_url,
        bootstrap_servers="127.0.0.1:1",
        quota_per_minute=60_000,
    )
    with doors(settings, SystemClock()) as made:
        yield made


@pytest.fixture
def bound(desk: Desk, opened: Doors) -> Binding:
    """A tab with marks in which nothing is under way, as after the first flush."""
    binding = Binding("leads", "leads", "crm", desk.spreadsheet_id, "Sheet1")
    desk.person.act("paste", cell="A1", values=MARKED)
    found = look(opened, binding, Choices())
    assert found.contact is not None
    nothing = TopicMark("id", {})
    mark = encode_watermark(Watermark("leads", found.tab.sheet_id, 0, 0, "", nothing, nothing))
    requests = [
        *adoption(found.tab, found.free, found.columns.places, (), prepare(found.contact, Choices())),
        build.create_metadata(7, METADATA_KEY, mark, found.tab.sheet_id),
        build.add_tab(SCRATCH_TAB, SCRATCH_SHEET_ID, True, SCRATCH_ROWS, SCRATCH_COLUMNS),
        build.protect_tab(SCRATCH_SHEET_ID, "a batch"),
    ]
    opened.client.batch_update(desk.spreadsheet_id, requests)
    return binding
