"""What `tabstream uninstall` takes away, part by part: what is gone already is passed over, so it can be run again."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaException
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from connectors.source import source_of
from consumers.database_sink.source import GROUP as DATABASE_SINKS
from consumers.sheet_sink.ownership import GROUP as SHEET_SINKS
from tabstream.bindings_file import load_bindings
from tabstream.core.binding import Binding, Bindings
from tabstream.errors import BindingProblem, OperatorError, Outage
from tabstream.kafka.connect import Connect
from tabstream.kafka.groups import members
from tabstream.kafka.reader import BrokerAway, TopicReader
from tabstream.kafka.status_topic import read_newest
from tabstream.kafka.topics import own_topics, results_topic, table_topic
from tabstream.operations.binding.cleaning import Marked, clean, read_marked
from tabstream.operations.binding.doors import Doors, in_words
from tabstream.operations.binding.unbinding import clear_status
from tabstream.postgres.slots import drop_slot, slot_name
from tabstream.postgres.uninstalling import drop_publication, drop_schema, installed

_STOP_SECONDS = 60.0
_TOPIC_SECONDS = 30.0
_ANSWER_SECONDS = 10.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is there, in words, and what takes it away."""

    what: str
    remove: Callable[[], None]


class StillRuns(Outage):
    """The connector has not stopped yet."""


@dataclass(frozen=True, slots=True)
class Uninstaller:
    """Looks first; `topics` takes the topics too, with all that is in them."""

    doors: Doors
    topics: bool
    force: bool

    def parts(self) -> list[Part]:
        """What there is, in the order in which it goes. Raises Outage, or OperatorError for what is in the way."""
        settings = self.doors.settings
        bindings = load_bindings(settings.required_path("bindings_file"))
        name = slot_name(settings.topic_prefix)
        with self.doors.database() as connection:
            found = installed(connection, name)
        self._refuse_running()
        connect = Connect(settings.connect_url)
        parts = []
        if connect.configuration(name) is not None:
            parts.append(Part(f"the connector {name}, with its offsets", lambda: _delete_connector(connect, name)))
        if found.slot:
            parts.append(Part(f"the replication slot {name}", lambda: self._drop_slot(name)))
        if found.publication:
            parts.append(Part(f"the publication {name}", lambda: self._in_database(drop_publication, name)))
        parts += self._tabs(bindings)
        if found.schema:
            what = "the schema tabstream, with the triggers on the bound tables that announce a truncate"
            parts.append(Part(what, lambda: self._in_database(drop_schema)))
        parts += self._statuses()
        return parts + (self._topics(bindings) if self.topics else [])

    def _refuse_running(self) -> None:
        running = members(self.doors.settings, self.doors.services.admin, (SHEET_SINKS, DATABASE_SINKS))
        if running:
            raise OperatorError(f"still running: {told_running(running)}", "stop the sheet sinks and database sinks first")

    def _tabs(self, bindings: Bindings) -> Iterator[Part]:
        for number, binding in enumerate(bindings.bindings):
            marked = self._read(binding)
            if marked is None or not _has_ours(marked):
                continue
            if marked.unanswered and not self.force:
                raise OperatorError(
                    f"{binding.name}: {marked.unanswered} edits and new rows in tab {marked.tab.title!r} are not saved yet",
                    "let the sinks save them first, or --force: they stay in the sheet alone",
                )
            later = bindings.bindings[number + 1 :]
            is_last = all(b.spreadsheet_id != binding.spreadsheet_id for b in later)
            what = f"the marks and notes in tab {marked.tab.title!r} of spreadsheet {marked.view.title!r}"
            yield Part(what, self._cleaning(binding, is_last))

    def _read(self, binding: Binding) -> Marked | None:
        """The tab; with `force`, one that is out of reach is none."""
        try:
            return read_marked(self.doors, binding)
        except BindingProblem as problem:
            if self.force:
                return None
            remedy = f"{problem.remedy}; or --force, which leaves the tab as it is"
            raise OperatorError(f"{binding.name}: {problem.problem}", remedy) from problem

    def _cleaning(self, binding: Binding, is_last: bool) -> Callable[[], None]:
        def remove() -> None:
            with in_words():
                clean(self.doors, binding, is_last)

        return remove

    def _statuses(self) -> list[Part]:
        names = sorted(read_newest(self.doors.settings, _ANSWER_SECONDS))

        def remove() -> None:
            for name in names:
                clear_status(self.doors, name)

        return [Part(f"what is reported of {', '.join(names)}", remove)] if names else []

    def _topics(self, bindings: Bindings) -> list[Part]:
        settings = self.doors.settings
        prefix = settings.topic_prefix
        wanted = {topic.name for topic in own_topics(results_topic(settings))} | {f"__debezium-heartbeat.{prefix}"}
        wanted |= {table_topic(prefix, table).name for table in source_of(settings, bindings).tables}
        with TopicReader(settings) as reader:
            there = reader.topics()
        names = sorted(n for n in there if n in wanted or n.startswith(f"{prefix}.tabstream."))
        return [Part(f"the topic {name}", self._deleting(name)) for name in names]

    def _deleting(self, topic: str) -> Callable[[], None]:
        def remove() -> None:
            try:
                self.doors.services.admin.delete_topics([topic])[topic].result(_TOPIC_SECONDS)
            except (KafkaException, TimeoutError) as problem:
                raise BrokerAway(f"the topic {topic!r} can't be deleted: {problem}") from problem

        return remove

    def _drop_slot(self, name: str) -> None:
        with self.doors.database():
            drop_slot(self.doors.settings.database_url, name)

    def _in_database(self, drop: Callable[..., None], *arguments: str) -> None:
        with self.doors.database() as connection:
            drop(connection, *arguments)


def told_running(running: Mapping[str, Sequence[str]]) -> str:
    """The members of each group in words, by the hosts they run on."""
    told = []
    for group, hosts in running.items():
        kind = group.removeprefix("tabstream.")
        many = kind if len(hosts) == 1 else f"{len(hosts)} {kind}s"
        told.append(f"{many} on {', '.join(sorted(set(hosts)))}")
    return ", ".join(told)


def _has_ours(marked: Marked) -> bool:
    return marked.has_marks or bool(marked.tab.metadata)


def _delete_connector(connect: Connect, name: str) -> None:
    """Its tasks end first: only then may its offsets be deleted."""

    def check() -> None:
        if not connect.state(name).stopped:
            raise StillRuns(f"connector {name!r} does not stop")

    trying = Retrying(
        retry=retry_if_exception_type(Outage),
        wait=wait_exponential(multiplier=0.1, max=1),
        stop=stop_after_delay(_STOP_SECONDS),
        reraise=True,
    )
    trying(connect.stop, name)
    trying(check)
    trying(connect.forget_offsets, name)
    trying(connect.delete, name)
