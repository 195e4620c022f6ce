"""Topics by the names that operators use, and their messages decoded."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from tabstream.bindings_file import load_bindings
from tabstream.config import Settings
from tabstream.core.telling import Decoded, TopicKind, Undecodable
from tabstream.errors import OperatorError, UnknownForm
from tabstream.kafka.avro import UndecodableMessage
from tabstream.kafka.events import Events
from tabstream.kafka.reader import Record
from tabstream.kafka.topics import DEAD_LETTERS, EDITS, SIGNALS, STATUS, results_topic, topic_of
from tabstream.kafka.wire import unframed

_TEXT_KEYS = (TopicKind.EDITS, TopicKind.SIGNALS, TopicKind.STATUS)


@dataclass(frozen=True, slots=True)
class Names:
    """The names that topics go by: `own` are those of tabstream, `tables` gives each binding's."""

    own: Mapping[TopicKind, str]
    tables: Mapping[str, str]

    def topic(self, name: str, existing: Container[str]) -> str:
        """The topic that a name means; the name itself where it is a topic's."""
        if name in existing:
            return name
        short = {kind.value: topic for kind, topic in self.own.items()}
        return short.get(name) or self.tables.get(name) or name

    def kind(self, topic: str) -> TopicKind:
        """What a topic holds."""
        return next((kind for kind, own in self.own.items() if own == topic), TopicKind.OTHER)


def names(settings: Settings) -> Names:
    """The names in this installation; raises ConfigurationError for a wrong bindings file."""
    bindings = load_bindings(settings.bindings_file).bindings if settings.bindings_file else ()
    own = {
        TopicKind.EDITS: EDITS,
        TopicKind.RESULTS: results_topic(settings),
        TopicKind.SIGNALS: SIGNALS,
        TopicKind.STATUS: STATUS,
        TopicKind.DEAD_LETTERS: DEAD_LETTERS,
    }
    return Names(own, {binding.name: topic_of(settings, binding) for binding in bindings})


def existing_topic(name: str, known: Names, topics: Container[str], listed: list[str]) -> str:
    """The topic that a name means; raises OperatorError with the names that there are where it isn't there."""
    topic = known.topic(name, topics)
    if topic in topics:
        return topic
    short = sorted({kind.value for kind, own in known.own.items() if own in topics})
    bindings = sorted(binding for binding, table in known.tables.items() if table in topics)
    choices = [f"choose one of: {', '.join([*short, *bindings]) or 'none'}", f"or a topic: {', '.join(listed) or 'none'}"]
    meant = "" if topic == name else f" (for {name!r})"
    raise OperatorError(f"there is no topic {topic!r}{meant}", "; ".join(choices))


def decoded(record: Record, kind: TopicKind, events: Events) -> Decoded:
    """The record's key and value as far as they can be read; raises RegistryUnavailable."""
    headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    framed = record.framed()
    key = _text(record.key) if kind in _TEXT_KEYS else readable(framed.key, events, record.topic)
    return Decoded(key, readable(framed.value, events, record.topic), headers, len(record.value or b""))


def readable(raw: bytes | None, events: Events, topic: str = "") -> object:
    """Framed bytes as Avro, as JSON, or else as text; raises RegistryUnavailable."""
    if raw is None:
        return None
    try:
        return events.shown(raw, topic)
    except (UndecodableMessage, UnknownForm) as problem:
        text = _text(raw)
        return (
            text if isinstance(text, str) and text.isprintable() else Undecodable((unframed(raw) or b"").hex(), str(problem))
        )


def _text(raw: bytes | None) -> str | Undecodable | None:
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as problem:
        return Undecodable(raw.hex(), f"no UTF-8 text: {problem.reason}")
