"""What waits for a confirmation, as the owner's status tells it."""

import json

from tabstream.kafka.messages import State, Status
from tabstream.operations.confirm import Held, held_of

ROWS = {"[1]": "changed with many others at once", "[2]": "deleted in the sheet"}


def status(held: int, **details: object) -> Status:
    return Status("leads", "S1", "sink-1", 0, State.RUNNING, 0, held=held, details=json.dumps(details))


def test_the_rows_that_wait_come_with_their_reasons_and_their_digest() -> None:
    assert held_of(status(2, held_digest="d", held_rows=ROWS)) == Held("leads", "S1", 2, "d", ROWS)


def test_where_nothing_waits_there_is_nothing_to_confirm() -> None:
    assert held_of(status(0, held_digest=None, held_rows={})) is None
    assert held_of(status(0)) is None
