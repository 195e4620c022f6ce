"""Which keys a table's topic has: a tab must not be handed to its owner before the topic knows all of its rows."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from tabstream.core.cells import RowKey
from tabstream.errors import OperatorError
from tabstream.kafka.folding import Folder
from tabstream.operations.topic_source import Form

_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class TopicKeys:
    """The keys of one topic, which `folder` reads undecoded."""

    folder: Folder
    form: Form
    _names: dict[bytes, RowKey | None] = field(default_factory=dict)

    @property
    def shown(self) -> dict[int, int]:
        """By partition the last offset that was read."""
        return {partition: following - 1 for partition, following in self.folder.fold.following.items()}

    def lacks(self, keys: Collection[RowKey]) -> set[RowKey]:
        """Reads on to the topic's end; which of the keys it does not have. Raises Outage, OperatorError for no such topic."""
        newest = self.folder.advance(lambda *_: None).newest
        return set(keys) - {self._name(raw) for raw, (value, *_) in newest.items() if value is not None}

    def wait_for(
        self, keys: Collection[RowKey], are_gone: Callable[[list[RowKey]], Collection[RowKey]], seconds: float
    ) -> None:
        """Reads on until the topic has these keys; of those that it lacks, `are_gone` gives those that the table lost since.

        Raises OperatorError where that takes longer than `seconds`.
        """
        missing = set(keys)

        def look() -> bool:
            missing.intersection_update(self.lacks(missing))
            if missing:
                missing.difference_update(are_gone(sorted(missing)))
            return not missing

        waiting = Retrying(
            retry=retry_if_result(lambda done: not done), wait=wait_fixed(_LOOK_SECONDS), stop=stop_after_delay(seconds)
        )
        try:
            waiting(look)
        except RetryError:
            raise OperatorError(
                f"after {seconds:.0f} seconds the topic {self.form.topic!r} still lacks {len(missing)} rows of the table",
                "look at: tabstream connectors status; then run this again",
            ) from None

    def _name(self, raw: bytes) -> RowKey | None:
        if raw not in self._names:
            self._names[raw] = self.form.key(raw)
        return self._names[raw]
