"""Speaking with the owner of a spreadsheet: a question as a signal, and what it says of its bindings."""

import uuid
from collections.abc import Collection
from typing import Protocol, Self

from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Binding
from tabstream.core.cells import RowKey
from tabstream.core.rebuilding import encode_keys
from tabstream.errors import OperatorError
from tabstream.kafka.messages import Signal, SignalKind, Status
from tabstream.kafka.publisher import BrokerUnavailable, Publisher
from tabstream.kafka.status_topic import decode, read_newest, status_decoder

_ANSWER_SECONDS = 10.0
_ACKNOWLEDGE_SECONDS = 30.0


class Owners(Protocol):
    """The owners of all spreadsheets."""

    def ask(self, binding: Binding) -> str:
        """Asks the owner to look at the whole tab; the question's id. Its status names the last one that it has answered."""

    def rebuild(self, binding: Binding, keys: Collection[RowKey]) -> str:
        """Asks the owner to show the rows of these keys anew, and to look at the whole tab; the question's id, as of `ask`."""

    def status(self, binding: Binding) -> Status | None:
        """What the owner says of the binding now, None where nobody has said anything."""


class KafkaOwners:
    """Owners, asked over Kafka. All methods raise Outage where it gives no answer, `status` OperatorError for what can't be
    read."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._decoder = status_decoder(settings)
        self._publisher: Publisher | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._publisher is not None:
            self._publisher.close()

    def ask(self, binding: Binding) -> str:
        """See Owners."""
        return self._send(binding, SignalKind.AUDIT, None)

    def rebuild(self, binding: Binding, keys: Collection[RowKey]) -> str:
        """See Owners."""
        return [self._send(binding, SignalKind.REBUILD, part) for part in encode_keys(keys)][-1]

    def _send(self, binding: Binding, kind: SignalKind, argument: str | None) -> str:
        if self._publisher is None:
            self._publisher = Publisher(self._settings)
        question = str(uuid.uuid4())
        signal = Signal(question, binding.spreadsheet_id, kind, self._clock.now_ms(), binding.name, argument)
        try:
            self._publisher.signal(signal).result(_ACKNOWLEDGE_SECONDS)
        except TimeoutError as problem:
            raise BrokerUnavailable(f"kafka does not acknowledge a signal within {_ACKNOWLEDGE_SECONDS:.0f} s") from problem
        return question

    def status(self, binding: Binding) -> Status | None:
        """See Owners."""
        raw = read_newest(self._settings, _ANSWER_SECONDS)
        if binding.name not in raw:
            return None
        statuses, unreadable = decode({binding.name: raw[binding.name]}, self._decoder)
        if unreadable:
            reason = unreadable[binding.name]
            raise OperatorError(f"the status of {binding.name!r} can't be read: {reason}", "use the sheet sink's version")
        return statuses[0]
