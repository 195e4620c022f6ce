"""Rules that a history may run without, to show that it goes wrong then: substitutes for what passes between the parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from consumers.sheet_sink.scratch import SCRATCH_SHEET_ID

Requests: TypeAlias = Sequence[dict[str, Any]]


def same_requests(requests: Requests, protection_id: int | None) -> Requests:
    """The batch as the owner made it."""
    return requests


def same_rows(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows as the database has them."""
    return rows


def same_events(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events as they were committed."""
    return events


@dataclass(frozen=True, slots=True)
class Rules:
    """`requests` makes what Google gets of a batch (it is given the id of the fence as it stands), `registers` and `once`
    what the database sink is told of earlier decisions, `events` what is streamed; `results_first` as in Owner."""

    requests: Callable[[Requests, int | None], Requests] = same_requests
    registers: Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]] = same_rows
    once: Callable[[list[tuple[Any, ...]]], list[tuple[Any, ...]]] = same_rows
    events: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = same_events
    results_first: bool = True


def _without_pre_image(requests: Requests, _: int | None) -> Requests:
    return [request for request in requests if not _is_copy(request)]


def _is_copy(request: Mapping[str, Any]) -> bool:
    body = request.get("copyPaste") or {}
    return bool(body.get("destination", {}).get("sheetId") == SCRATCH_SHEET_ID)


def _without_fence(requests: Requests, protection_id: int | None) -> Requests:
    if protection_id is None or "deleteProtectedRange" not in requests[0]:
        return requests
    return [{"deleteProtectedRange": {"protectedRangeId": protection_id}}, *requests[1:]]


def _never_a_repeat(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:3], "another base", *row[4:]) for row in rows]


def _never_stale(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:5], 0, *row[6:]) for row in rows]


def _never_own(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*row[:9], None, 0, *row[11:]) for row in rows]


def _nothing(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return []


def _without_claims(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event.get("kind") != "claim"]


ALL = Rules()
BROKEN: Mapping[str, Rules] = {
    "pre-image ignored": Rules(requests=_without_pre_image),
    "fence ignored": Rules(requests=_without_fence),
    "repeat rule off": Rules(registers=_never_a_repeat),
    "stale rule off": Rules(registers=_never_stale),
    "own values not known": Rules(registers=_never_own),
    "tokens forgotten": Rules(once=_nothing),
    "claims ignored": Rules(events=_without_claims),
    "results not read first": Rules(results_first=False),
}
