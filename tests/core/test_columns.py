"""How a table's columns differ from those that its tab was set up for."""

from dataclasses import replace

import pytest

from tabstream.core.binding import TableShape
from tabstream.core.columns import column_changes, described, described_columns
from tabstream.core.types.factory import column_type
from tests.core.tabs import SHAPE, column

KNOWN = described_columns(SHAPE)


def with_columns(*changed: object) -> TableShape:
    """The shape with some columns replaced, by name, or added."""
    kept = {c.name: c for c in SHAPE.columns} | {c.name: c for c in changed}  # type: ignore[attr-defined]
    return TableShape(tuple(kept.values()), SHAPE.key)


def test_nothing_has_changed_where_all_is_as_it_was() -> None:
    assert not column_changes(KNOWN, SHAPE)


def test_new_lost_and_changed_columns_are_told_apart() -> None:
    now = with_columns(column("phone", "text"), column("amount", "text"))
    now = TableShape(tuple(c for c in now.columns if c.name != "name"), now.key)
    found = column_changes(KNOWN, now)
    assert [c.name for c in found.added] == ["phone"]
    assert found.dropped == ("name",)
    assert [c.name for c in found.retyped] == ["amount"]


@pytest.mark.parametrize(
    "changed",
    [
        column("amount", "numeric(10,3)"),
        column("amount", "numeric(10,2)", nullable=False),
        replace(column("amount", "mood"), type=column_type("mood", nullable=True, zone="UTC", labels=("glad", "sad"))),
    ],
    ids=["scale", "not null", "enum"],
)
def test_what_a_cell_depends_on_counts(changed: object) -> None:
    assert [c.name for c in column_changes(KNOWN, with_columns(changed)).retyped] == ["amount"]


def test_a_new_label_is_a_change() -> None:
    before, after = (column_type("mood", nullable=True, zone="UTC", labels=labels) for labels in (("glad",), ("glad", "sad")))
    mood = column("mood", "mood")
    assert described(replace(mood, type=before)) != described(replace(mood, type=after))
