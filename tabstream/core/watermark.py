"""The watermark: up to where a tab shows its topics, kept in the tab's developer metadata and written with the rows.

Rows and position can't disagree, because one atomic call writes both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tabstream.core.cells import RowKey

METADATA_KEY = "tabstream.watermark"
FORMAT = 2
_OLDEST = 1
_LACKING_IN_1 = {"columns": {}, "locale": "", "table_identity": "", "rewrite": ()}


@dataclass(frozen=True, slots=True)
class TopicMark:
    """A topic by its id (a recreated topic has another), and per partition the last offset shown.

    `truncated` are per partition the offsets up to which all rows are gone by a truncate or since a snapshot, of which the
    topic knows nothing. `snapshot` is the LSN of the last snapshot that was dealt with.
    """

    topic_id: str
    offsets: Mapping[int, int]
    truncated: Mapping[int, int] = field(default_factory=dict)
    snapshot: int | None = None


@dataclass(frozen=True, slots=True)
class Watermark:
    """`sequence` counts the writes to the tab; `columns` are those that it was set up for, by header (`described`).
    `rewrite` are columns whose type has changed, as long as not every row is written anew.

    `zone` and `locale` are the spreadsheet's, `table_identity` names the table, its database system and timeline.
    """

    binding: str
    sheet_id: int
    sequence: int
    written_ms: int
    zone: str
    table: TopicMark
    results: TopicMark
    columns: Mapping[str, str] = field(default_factory=dict)
    parked: tuple[RowKey, ...] = ()
    locale: str = ""
    table_identity: str = ""
    rewrite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """How things are now: the topics' ids, and the beginning of the results; the spreadsheet; the database.

    `sequence` is the last that is remembered of the tab (0: nothing is); `keep_tombstones_ms` the topic's own setting.
    """

    table_id: str
    results_id: str
    results_start: int
    now_ms: int
    zone: str = ""
    keep_tombstones_ms: int = field(default=7 * 86_400_000)
    locale: str = ""
    table_identity: str = ""
    sequence: int = 0


def encode_watermark(mark: Watermark) -> str:
    """The metadata's value."""
    return json.dumps(
        {
            "format": FORMAT,
            "binding": mark.binding,
            "sheet_id": mark.sheet_id,
            "sequence": mark.sequence,
            "written_ms": mark.written_ms,
            "zone": mark.zone,
            "table": _topic_json(mark.table),
            "results": _topic_json(mark.results),
            "columns": dict(mark.columns),
            "parked": list(mark.parked),
            "locale": mark.locale,
            "table_identity": mark.table_identity,
            "rewrite": list(mark.rewrite),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def decode_watermark(text: str) -> Watermark | None:
    """The inverse of `encode_watermark`, also of the format before, which knew less; None for a newer format, or damage."""
    try:
        data = json.loads(text)
        if not _OLDEST <= data["format"] <= FORMAT:
            return None
        data = _LACKING_IN_1 | data if data["format"] == 1 else data
        return Watermark(
            data["binding"],
            data["sheet_id"],
            data["sequence"],
            data["written_ms"],
            data["zone"],
            _topic_mark(data["table"]),
            _topic_mark(data["results"]),
            dict(data["columns"]),
            tuple(data["parked"]),
            data["locale"],
            data["table_identity"],
            tuple(data["rewrite"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def newer_format(text: str, binding: str) -> int | None:
    """The format of a binding's watermark that a newer version has written, which this one must not touch; else None."""
    try:
        data = json.loads(text)
        found = int(data["format"]) if data["binding"] == binding else 0
    except (ValueError, KeyError, TypeError):
        return None
    return found if found > FORMAT else None


def doubts(mark: Watermark | None, now: Position, sheet_id: int) -> list[str]:
    """Why the tab can't be taken to show what its watermark says; empty where it can."""
    if mark is None:
        return ["the tab has no watermark"]
    found = []
    if mark.sheet_id != sheet_id:
        found.append("the watermark was copied from another tab")
    if mark.table.topic_id != now.table_id:
        found.append("the table's topic is another one")
    if mark.results.topic_id != now.results_id:
        found.append("the topic of edit results is another one")
    if mark.results.offsets.get(0, -1) + 1 < now.results_start:
        found.append("edit results that were not shown are gone from their topic")
    if mark.zone != now.zone:
        found.append("the spreadsheet's time zone has changed")
    if mark.locale and mark.locale != now.locale:
        found.append("the spreadsheet's locale has changed")
    if mark.table_identity and mark.table_identity != now.table_identity:
        found.append("the table, its database or the database's timeline is another one")
    if mark.sequence < now.sequence:
        found.append("the tab was set back to an older version")
    if not mark.written_ms:
        found.append("the columns of the table have changed, or nothing was written yet")
    elif now.now_ms - mark.written_ms > now.keep_tombstones_ms:
        found.append("the watermark is older than the topic keeps tombstones")
    return found


def _topic_json(mark: TopicMark) -> dict[str, object]:
    data: dict[str, object] = {"id": mark.topic_id, "offsets": _offsets_json(mark.offsets)}
    if mark.truncated:
        data["truncated"] = _offsets_json(mark.truncated)
    if mark.snapshot is not None:
        data["snapshot"] = mark.snapshot
    return data


def _offsets_json(offsets: Mapping[int, int]) -> dict[str, int]:
    return {str(p): o for p, o in offsets.items()}


def _topic_mark(data: Mapping[str, object]) -> TopicMark:
    snapshot = data.get("snapshot")
    if snapshot is not None and not isinstance(snapshot, int):
        raise ValueError("the snapshot is no number")
    return TopicMark(str(data["id"]), _offsets(data["offsets"]), _offsets(data.get("truncated", {})), snapshot)


def _offsets(data: object) -> dict[int, int]:
    if not isinstance(data, dict):
        raise ValueError("offsets are not an object")
    return {int(p): int(o) for p, o in data.items()}
