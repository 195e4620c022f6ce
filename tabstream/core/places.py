"""Places in a topic as an operator names them, and the offsets that they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import TypeAlias

from tabstream.core.moments import NotATime, moment_ms
from tabstream.errors import OperatorError

_OFFSET = re.compile(r"(?:(?P<partition>[0-9]{1,9})/)?(?P<offset>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The offsets of a partition: the first that may be there, and the next to be written."""

    first: int
    following: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """The oldest message that is still there."""


@dataclass(frozen=True, slots=True)
class End:
    """After the newest message."""


@dataclass(frozen=True, slots=True)
class Offset:
    """An offset; `partition` is None where the topic has but one."""

    offset: int
    partition: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The first message at or after this time, in ms since 1970."""

    ms: int


Place: TypeAlias = Beginning | End | Offset | Moment


def place(text: str, now_ms: int, zone: tzinfo | None = None) -> Place:
    """`beginning`, `end`, `120`, `3/120` (partition 3) or a time; raises OperatorError for anything else."""
    if text == "beginning":
        return Beginning()
    if text == "end":
        return End()
    if found := _offset(text):
        return found
    try:
        return Moment(moment_ms(text, now_ms, zone))
    except NotATime as problem:
        remedy = f"write beginning, end, 120, 3/120 (partition 3), or a time: {problem.remedy}"
        raise OperatorError(f"{text!r} is no place in a topic", remedy) from problem


def offset(text: str) -> Offset:
    """`120`, or `3/120` for offset 120 of partition 3; raises OperatorError for anything else."""
    found = _offset(text)
    if found is None:
        raise OperatorError(f"{text!r} is not an offset", "write it like 120, or 3/120 for offset 120 of partition 3")
    return found


def partition_of(wanted: Offset, topic: str, bounds: Mapping[int, Bounds], *, end: bool = False) -> int:
    """The partition in which the offset is; raises OperatorError where it is not there. `end` allows the end as well."""
    if wanted.partition is None and len(bounds) > 1:
        example = f"{min(bounds)}/{wanted.offset}"
        raise OperatorError(f"{topic} has {len(bounds)} partitions", f"name the partition too, such as {example}")
    partition = next(iter(bounds)) if wanted.partition is None else wanted.partition
    if partition not in bounds:
        raise OperatorError(f"{topic} has no partition {partition}", f"choose from {min(bounds)} to {max(bounds)}")
    has = bounds[partition]
    if not has.first <= wanted.offset < has.following + end:
        raise OperatorError(f"{topic} has no offset {wanted.offset}", f"it holds {told_bounds(bounds)}")
    return partition


def told_bounds(bounds: Mapping[int, Bounds]) -> str:
    """Which offsets a topic holds, in words."""
    parts = []
    for partition, has in sorted(bounds.items()):
        name = f"partition {partition}: " if len(bounds) > 1 else ""
        inside = f"offsets {has.first} to {has.following - 1}" if has.following > has.first else "nothing"
        parts.append(name + inside)
    return ", ".join(parts)


def begins(wanted: Place, topic: str, bounds: Mapping[int, Bounds], at_moment: Mapping[int, int]) -> dict[int, int]:
    """Where to begin in each partition that is to be read; `at_moment` gives the offsets of a Moment.

    Raises OperatorError for an offset that is not there.
    """
    if isinstance(wanted, Offset):
        return {partition_of(wanted, topic, bounds, end=True): wanted.offset}
    if isinstance(wanted, Beginning):
        return {partition: has.first for partition, has in bounds.items()}
    if isinstance(wanted, End):
        return {partition: has.following for partition, has in bounds.items()}
    return {partition: at_moment.get(partition, has.following) for partition, has in bounds.items()}


def last_window(bounds: Mapping[int, Bounds], width: int) -> dict[int, int]:
    """Where the last `width` offsets of each partition begin."""
    return {partition: max(has.first, has.following - width) for partition, has in bounds.items()}


def _offset(text: str) -> Offset | None:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    return Offset(int(found["offset"]), None if found["partition"] is None else int(found["partition"]))
