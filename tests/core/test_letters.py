"""Dead letters: where they come from, and which may be replayed."""

import pytest

from tabstream.core.letters import Origin, origin_of, refuse_replay
from tabstream.errors import OperatorError


def test_the_headers_tell_the_origin() -> None:
    headers = {
        "tabstream.topic": "tabstream.edits",
        "tabstream.partition": "3",
        "tabstream.offset": "120",
        "tabstream.reason": "no edit",
        "trace": "x",
    }
    origin = origin_of(headers)
    assert origin == Origin("tabstream.edits", "3", "120", "no edit")
    assert origin.place == "tabstream.edits 3/120"
    assert origin_of({}).place == "not known"


def test_an_edit_may_be_replayed() -> None:
    refuse_replay(Origin("edits", "0", "1", ""), 7, "edits", "signals")


@pytest.mark.parametrize(
    ("topic", "problem"),
    [
        ("db.public.leads", "dead letter 7 comes from db.public.leads, which only Debezium writes"),
        ("signals", "dead letter 7 is a signal"),
        ("", "dead letter 7 does not say where it comes from"),
    ],
)
def test_what_may_be_replayed_bad(topic: str, problem: str) -> None:
    with pytest.raises(OperatorError, match=problem) as caught:
        refuse_replay(Origin(topic, "0", "1", ""), 7, "edits", "signals")
    assert caught.value.remedy
