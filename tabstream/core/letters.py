"""Dead letters: messages that could not be read, with where they come from and why in their headers."""

from collections.abc import Mapping
from dataclasses import dataclass

from tabstream.errors import OperatorError

TOPIC, PARTITION, OFFSET, REASON = "tabstream.topic", "tabstream.partition", "tabstream.offset", "tabstream.reason"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a dead letter comes from, and why it could not be read; empty texts where its headers don't say."""

    topic: str
    partition: str
    offset: str
    reason: str

    @property
    def place(self) -> str:
        """Topic and partition/offset."""
        return f"{self.topic} {self.partition}/{self.offset}" if self.topic else "not known"


def origin_of(headers: Mapping[str, str]) -> Origin:
    """The origin that the headers name."""
    return Origin(*(headers.get(name, "") for name in (TOPIC, PARTITION, OFFSET, REASON)))


def refuse_replay(origin: Origin, at: int, edits_topic: str, signals_topic: str) -> None:
    """Raises OperatorError for a dead letter, at this offset, that must not be written to its topic again."""
    if origin.topic == edits_topic:
        return
    if not origin.topic:
        raise OperatorError(f"dead letter {at} does not say where it comes from", "only edits can be replayed")
    if origin.topic == signals_topic:
        problem = f"dead letter {at} is a signal, which was meant for its moment"
        raise OperatorError(problem, "give the command again that sent it")
    problem = f"dead letter {at} comes from {origin.topic}, which only Debezium writes: a copy could bring an old row back"
    raise OperatorError(problem, "the row's next change shows it; any UPDATE of the row will do")
