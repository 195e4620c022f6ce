"""What `tabstream bind` does once nothing is left to ask: the tab is made ready, then the binding enters the file.

The tab is written in one call that applies wholly or not at all. A command that is stopped before it has written nothing, and
after it, the same command finds the tab set up, and adds the entry.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from connectors.installing import install_source
from connectors.publication import streamable
from connectors.source import source_of
from consumers.sheet_sink.adopting import adoption
from consumers.sheet_sink.opening import Opener, World, new_watermark
from tabstream.bindings_file import load_bindings
from tabstream.bindings_writing import change_file, with_entry
from tabstream.core.binding import Binding, TableShape
from tabstream.core.cells import RowKey
from tabstream.core.first_contact import Choices, OnlyInSheet, OnlyInTable, prepare
from tabstream.core.watermark import METADATA_KEY
from tabstream.errors import BindingProblem, OperatorError, TabstreamError
from tabstream.kafka.connect import Connect
from tabstream.kafka.folding import Folder
from tabstream.kafka.topics import topic_of
from tabstream.operations.binding.doors import Doors, in_words, no_stop
from tabstream.operations.binding.looking import Found, State, look
from tabstream.operations.binding.topic_keys import TopicKeys
from tabstream.operations.binding.unbinding import clear_status, is_reported, newest_status
from tabstream.operations.binding.wanted import Wanted
from tabstream.operations.status import SILENT_AFTER_MS
from tabstream.operations.topic_source import Form
from tabstream.postgres.slots import require_published
from tabstream.postgres.statements import statement
from tabstream.sheets.errors import FenceLost, InvalidRequest

_TRIES = 5
_STREAM_SECONDS = 120.0
Say = Callable[[str], None]


class TabChanged(TabstreamError):
    """The tab is another one than a moment ago: it is looked at again."""


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds tabs; `say` is told what is under way."""

    doors: Doors
    say: Say

    def bind(self, wanted: Wanted, choices: Choices) -> Found:
        """Binds the tab; what the last look before the write has found. Raises Outage, OperatorError: nothing is written."""
        with in_words():
            self._stream(wanted.binding)
            if wanted.entry is not None:
                self._forget_status(wanted.binding.name)
            found = self._make_ready(wanted.binding, choices)
        if wanted.entry is not None:
            entry = wanted.entry
            change_file(self.doors.settings.required_path("bindings_file"), lambda text: with_entry(text, entry))
        return found

    def _stream(self, binding: Binding) -> None:
        """Makes sure that the table's changes are streamed, with those of the tables in the bindings file."""
        settings, table = self.doors.settings, f"{binding.schema_name}.{binding.table_name}"
        if self._is_streamed(binding):
            return
        self.say(f"{table}: having it streamed")
        bound = load_bindings(settings.required_path("bindings_file"))
        source, left_out = streamable(source_of(settings, replace(bound, bindings=(*bound.bindings, binding))))
        if table in left_out:
            raise OperatorError(f"table {table} can't be streamed: its primary key holds an array", "give it another key")
        install_source(settings, source, Connect(settings.connect_url), self.say)

    def _forget_status(self, name: str) -> None:
        """What was reported of an earlier binding of this name, such as that it is paused, does not hold for this one."""
        status = newest_status(self.doors.settings, name)
        if status is not None and is_reported(status, self.doors.clock.now_ms(), SILENT_AFTER_MS):
            raise OperatorError(
                f"a sheet sink still reports a binding {name!r}, which is not in the bindings file",
                f"restart it and run tabstream unbind {name}; or give this one another name: --name",
            )
        if status is not None:
            clear_status(self.doors, name)

    def _is_streamed(self, binding: Binding) -> bool:
        with self.doors.database() as connection:
            try:
                require_published(connection, self.doors.settings, binding.schema_name, binding.table_name)
            except BindingProblem:
                return False
        topics = self.doors.services.topics(binding)
        return bool(topics.table_id and topics.results_id)

    def _make_ready(self, binding: Binding, choices: Choices) -> Found:
        trying = Retrying(
            retry=retry_if_exception_type((FenceLost, TabChanged)), stop=stop_after_attempt(_TRIES), reraise=True
        )
        try:
            return trying(self._try, binding, choices)
        except (FenceLost, TabChanged) as problem:
            raise OperatorError(f"the tab was changed at each of {_TRIES} tries: {problem}", "run it again") from problem
        except InvalidRequest as problem:
            raise OperatorError(f"google refuses to set the tab up: {problem}", "nothing was written") from problem

    def _try(self, binding: Binding, choices: Choices) -> Found:
        shown = self._known_keys(binding, choices)
        self.say(f"{binding.name}: reading tab and table")
        found = look(self.doors, binding, choices)
        if found.questions:
            raise OperatorError(f"meanwhile, {found.questions[0].problem}", found.questions[0].remedy)
        if found.state is not State.OWN or found.contact is None:
            return found
        self._wait_for_topic(binding, found.shape, found.keys)
        opener = Opener(binding.spreadsheet_id, self.doors.client, self.doors.services, no_stop())
        world = opener.look(binding)
        self._refuse_change(found, world)
        opener.ensure_scratch(world.view)
        opener.check_sample(world, binding)
        with self.doors.database() as connection:
            connection.execute(statement("forget_binding"), {"binding": binding.name})
        removes = choices.only_in_sheet is OnlyInSheet.REMOVE and bool(found.contact.only_in_sheet)
        now_ms = 0 if removes else self.doors.clock.now_ms()
        requests = adoption(
            world.tab, found.free, found.columns.places, found.columns.missing, prepare(found.contact, choices)
        )
        self.say(f"{binding.name}: writing {len(found.contact.rows)} marks")
        opener.fenced([*requests, new_watermark(world, binding, now_ms, shown)])
        return found

    def _known_keys(self, binding: Binding, choices: Choices) -> dict[int, int] | None:
        """Where rows that the tab lacks are to be deleted: up to where the topic has all keys of the table so far."""
        if choices.only_in_table is not OnlyInTable.DELETE:
            return None
        found = look(self.doors, binding, choices)
        return self._wait_for_topic(binding, found.shape, found.keys)

    def _wait_for_topic(self, binding: Binding, shape: TableShape, keys: Collection[RowKey]) -> dict[int, int]:
        """Waits until the topic has these keys; the offsets up to which it was read, by partition."""
        settings, services = self.doors.settings, self.doors.services
        topic = topic_of(settings, binding)
        self.say(f"{binding.name}: waiting until {topic} has all rows of the table")

        def are_gone(missing: list[RowKey]) -> list[RowKey]:
            there = services.are_there(binding, shape, missing)
            return [key for key, is_there in zip(missing, there, strict=True) if not is_there]

        known = TopicKeys(Folder(settings, topic), Form(services.events, topic, shape))
        known.wait_for(keys, are_gone, _STREAM_SECONDS)
        return known.shown

    def _refuse_change(self, found: Found, world: World) -> None:
        """Raises TabChanged where the tab is not the one that was read: rows were added or taken, or somebody has bound it."""
        before, now = found.tab, world.tab
        grid = (before.sheet_id, before.row_count, before.column_count)
        if grid != (now.sheet_id, now.row_count, now.column_count) or world.shape != found.shape:
            raise TabChanged("its rows, its columns or those of the table were changed")
        if any(entry.key == METADATA_KEY for entry in now.metadata) != any(e.key == METADATA_KEY for e in before.metadata):
            raise TabChanged("it was bound by somebody else")
