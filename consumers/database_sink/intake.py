"""From Kafka messages to arrivals. What can't be read goes to the dead letters with the reason, and the rest goes on."""

from collections.abc import Sequence

import structlog

from consumers.database_sink.arrivals import Arrival
from tabstream import metrics
from tabstream.core.binding import Bindings
from tabstream.core.edits import Edit, edit_from_record
from tabstream.errors import Poison
from tabstream.kafka.avro import Decoder
from tabstream.kafka.publisher import BrokerUnavailable, Publisher, Received
from tabstream.kafka.topics import EDITS
from tabstream.postgres.progress import Position

_log = structlog.get_logger(__name__)

_DEAD_LETTER_SECONDS = 30.0


class Unreadable(Poison):
    """A message that is no edit of ours."""


class Intake:
    """Reads messages. Reading one again is harmless, but for a dead letter that is there twice. `bindings` may be replaced
    between two calls."""

    def __init__(self, bindings: Bindings, decoder: Decoder, publisher: Publisher) -> None:
        self.bindings = bindings
        self._decoder = decoder
        self._publisher = publisher

    def arrivals(self, messages: Sequence[tuple[Position, Received]]) -> list[Arrival]:
        """The arrivals, dead letters without an edit; raises Outage while registry or broker are away."""
        arrivals, letters = [], []
        for position, message in messages:
            raw = message.value() or b""
            try:
                arrivals.append(Arrival(position, raw, self.edit(raw)))
            except Poison as problem:
                letters.append(self._publisher.dead_letter(message, str(problem)))
                _log.error("edit can't be read", partition=position[1], offset=position[2], reason=str(problem))
                metrics.DEAD_LETTERS.labels(EDITS).inc()
                arrivals.append(Arrival(position, raw, None))
        for letter in letters:
            try:
                letter.result(_DEAD_LETTER_SECONDS)
            except Poison as problem:
                _log.error("edit is lost: not even a dead letter can hold it", problem=str(problem))
            except TimeoutError as problem:
                raise BrokerUnavailable("kafka does not acknowledge a dead letter") from problem
        return arrivals

    def retried(self, messages: Sequence[tuple[Position, bytes, bool]]) -> tuple[Arrival, ...]:
        """Messages that were set aside, read again; one that can't be read any more is given up with a log line.

        Each comes with whether it was dealt with before.
        """
        arrivals = []
        for position, raw, again in messages:
            try:
                arrivals.append(Arrival(position, raw, self.edit(raw), retried=True, again=again))
            except Poison as problem:
                _log.error("edit given up", partition=position[1], offset=position[2], reason=str(problem))
                arrivals.append(Arrival(position, raw, None, retried=True))
        return tuple(arrivals)

    def edit(self, raw: bytes) -> Edit:
        """The edit in a message; raises Poison, or RegistryUnavailable."""
        if not raw:
            raise Unreadable("the message is empty")
        record = self._decoder.decode(raw)
        try:
            edit = edit_from_record(record)
        except (KeyError, ValueError, TypeError) as problem:
            raise Unreadable(f"not an edit: {type(problem).__name__}: {problem}") from problem
        if self.bindings.named(edit.binding) is None:
            raise Unreadable(f"there is no binding {edit.binding!r} in the bindings file")
        if "\0" in edit.row_key or any("\0" in c.column for c in edit.cells):
            raise Unreadable("a key or column name holds a zero character, which no database text can")
        return edit
