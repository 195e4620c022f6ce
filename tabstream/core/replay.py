"""Replaying edits: which offsets, and what the decisions come to.

Values in, values out: the caller reads the topic and the database's progress, and decides the edits.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tabstream.core.cells import CellValue, RowKey
from tabstream.core.edits import EditKind, Outcome
from tabstream.core.moments import shown_moment
from tabstream.core.places import Beginning, Bounds, Moment, Offset, Place, begins, partition_of, told_bounds
from tabstream.core.registers import Standing
from tabstream.core.rowmerge import Verdict, WriteKind
from tabstream.errors import OperatorError

_DAY_MS = 86_400_000
_LEFT = "--from beginning takes what is left"


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets of one partition to replay: from `begin` to before `end`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Edits:
    """The topic of edits as it is: its partitions, and what is at or after a moment (see TopicReader.offsets_at)."""

    topic: str
    bounds: Mapping[int, Bounds]
    at_moments: Mapping[Moment, Mapping[int, int]]


def spans(edits: Edits, begin: Place, end: Place | None) -> dict[int, Span]:
    """What lies between two places, by partition; `end` is not included, None is the end of the topic.

    Raises OperatorError for a place that is not there, that is not there any more, or an end before the beginning.
    """
    _refuse_removed(edits, begin)
    first = begins(begin, edits.topic, edits.bounds, _at(edits, begin))
    following = _ends(edits, begin, end)
    found = {partition: Span(at, max(at, following[partition])) for partition, at in first.items()}
    if _is_before(end, begin) or any(following[p] < at for p, at in first.items() if isinstance(begin, Offset)):
        raise OperatorError("--to is before --from", "give an earlier --from, or a later --to")
    return found


def from_progress(wanted: Mapping[int, Span], progress: Mapping[int, int], edits: Edits, begin: Place) -> dict[int, Span]:
    """The spans, begun earlier where the database has not dealt with what comes before: edits are decided in their order.

    Raises OperatorError where that is not in the topic any more, unless all that is left was asked for.
    """
    found = {}
    for partition, span in wanted.items():
        has, next_offset = edits.bounds[partition], progress[partition]
        if next_offset < has.first and not isinstance(begin, Beginning):
            lost = f"edits {next_offset} to {has.first - 1} of partition {partition}, which the database has not dealt with"
            raise OperatorError(f"{edits.topic} no longer holds {lost}", _LEFT)
        found[partition] = Span(min(span.begin, max(next_offset, has.first)), span.end)
    return found


def refuse_forgotten(at_ms: int, now_ms: int, days: int) -> None:
    """Raises OperatorError for an edit that was dealt with so long ago that the registers know no more of it."""
    if at_ms < now_ms - days * _DAY_MS:
        raise OperatorError(
            f"edits that are older than {days} days, such as that of {shown_moment(at_ms)}, can't be decided again: "
            "their registers are tidied up",
            f"begin later: --from {days - 1}d",
        )


class Effect(StrEnum):
    """What deciding an edit, or one of its cells, comes to. From KNOWN to REFUSED_ROW nothing is new."""

    KNOWN = "known"
    SUPERSEDED = "superseded"
    READING = "reading"
    SAME = "same"
    REFUSED_ROW = "row refused"
    APPLIED = "applied"
    INSERTED = "inserted"
    DELETED = "deleted"
    RESTORED = "restored"
    REJECTED = "rejected"
    LOST = "lost"
    HELD = "held"


_NOTHING_NEW = frozenset({Effect.KNOWN, Effect.SUPERSEDED, Effect.READING, Effect.SAME, Effect.REFUSED_ROW})
_STANDINGS = {Standing.REPEAT: Effect.KNOWN, Standing.STALE: Effect.SUPERSEDED, Standing.READING: Effect.READING}


@dataclass(frozen=True, slots=True)
class Decision:
    """What has become of an edit (`column` None: of the row) when it was decided again."""

    effect: Effect
    binding: str
    row_key: RowKey
    column: str | None = None
    value: CellValue = None
    reason: str | None = None

    @property
    def differs(self) -> bool:
        """True where the database had no such decision, and it matters."""
        return self.effect not in _NOTHING_NEW


def decisions(verdict: Verdict) -> list[Decision]:
    """What a verdict comes to: one for the row where the edit is about a row, else one for each cell."""
    edit, row = verdict.edit, verdict.row
    if verdict.repeated is not None:
        return [Decision(Effect.KNOWN, edit.binding, edit.row_key)]
    if row is not None and edit.kind in (EditKind.INSERT, EditKind.DELETE):
        return [Decision(_row_effect(verdict, row.outcome), edit.binding, row.key or edit.row_key, reason=row.reason)]
    found = []
    for cell in verdict.cells:
        answer = cell.answer
        outcome = Effect.SAME if answer is None else Effect(answer.outcome.value)
        effect = _STANDINGS.get(cell.standing, outcome)
        reason = None if answer is None else answer.reason
        found.append(Decision(effect, edit.binding, edit.row_key, cell.seen.column, cell.seen.value, reason))
    if row is not None and row.outcome is Outcome.INSERTED:
        found = [Decision(Effect.INSERTED, edit.binding, row.key or edit.row_key)]
    return found


def counts(found: Iterable[Decision]) -> dict[str, int]:
    """How often each effect came up, without zeros, in the order of Effect."""
    counted = Counter(decision.effect for decision in found)
    return {effect.value: counted[effect] for effect in Effect if counted[effect]}


def _row_effect(verdict: Verdict, outcome: Outcome) -> Effect:
    if outcome is Outcome.REJECTED:
        return Effect.REFUSED_ROW
    if outcome is Outcome.DELETED and verdict.kind is WriteKind.NONE:
        return Effect.SAME
    return Effect(outcome.value)


def _refuse_removed(edits: Edits, begin: Place) -> None:
    if isinstance(begin, Offset):
        has = edits.bounds.get(next(iter(edits.bounds)) if begin.partition is None else begin.partition)
        if has is not None and begin.offset < has.first and not (begin.partition is None and len(edits.bounds) > 1):
            problem = f"{edits.topic} no longer holds offset {begin.offset}: its retention has removed it"
            raise OperatorError(problem, f"it holds {told_bounds(edits.bounds)}; {_LEFT}")
    if isinstance(begin, Moment):
        at = edits.at_moments[begin]
        # Nothing that is left is older than the moment: what was removed may have been younger.
        gone = [p for p, has in edits.bounds.items() if has.first > 0 and at.get(p, has.following) <= has.first]
        if gone:
            where = f"partition{'s' if len(gone) > 1 else ''} {', '.join(map(str, gone))}"
            raise OperatorError(
                f"{edits.topic} no longer holds all edits since {shown_moment(begin.ms)}: "
                f"the oldest of {where} were removed by its retention",
                f"begin later, or: {_LEFT}",
            )


def _ends(edits: Edits, begin: Place, end: Place | None) -> dict[int, int]:
    following = {partition: has.following for partition, has in edits.bounds.items()}
    if end is None:
        return following
    if not isinstance(end, Offset):
        return following | begins(end, edits.topic, edits.bounds, _at(edits, end))
    partition = partition_of(end, edits.topic, edits.bounds, end=True)
    begun = set(begins(begin, edits.topic, edits.bounds, _at(edits, begin)))
    if begun != {partition}:
        other = "every partition" if len(begun) > 1 else f"partition {min(begun)}"
        problem = f"--to names an offset of partition {partition}, and --from {other}"
        raise OperatorError(problem, "give both of one partition, or --to as a time")
    return {partition: end.offset}


def _at(edits: Edits, wanted: Place) -> Mapping[int, int]:
    return edits.at_moments[wanted] if isinstance(wanted, Moment) else {}


def _is_before(end: Place | None, begin: Place) -> bool:
    return isinstance(begin, Moment) and isinstance(end, Moment) and end.ms < begin.ms
