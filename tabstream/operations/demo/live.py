"""What the demo's page shows: both sides as they are now, and a message for each change."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import orjson
import psycopg
from psycopg.rows import dict_row

from tabstream.errors import OperatorError
from tabstream.operations.demo.binding import COLUMNS
from tabstream.operations.demo.person import Grid, Person

SHOWN_ROWS = 500  # of each side; a page is no place for more
MARKS = "_sync"
_LONG_POLL_SECONDS = 2.0
_TABLE_EVERY_SECONDS = 0.15
_AFTER_A_PROBLEM_SECONDS = 0.5
_KEEP_ALIVE_SECONDS = 10.0
_SIGNATURE = "SELECT count(*), max(updated_at), sum(lead_id) FROM public.leads"
_ROWS = "SELECT * FROM public.leads ORDER BY lead_id LIMIT %s"


class Live:
    """Watches tab and table while `run` runs. Belongs to one event loop."""

    def __init__(self, person: Person, database_url: str) -> None:
        self._person = person
        self._database_url = database_url
        self._messages: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Watches until it is cancelled; what can't be reached is told on the page, and tried again."""
        await asyncio.gather(self._watch_tab(), self._watch_table())

    async def messages(self) -> AsyncIterator[bytes]:
        """Server-sent events: `tab` and `table` with all rows, at once and after each change."""
        sent: dict[str, int] = {}
        while True:
            news = await self._news(sent)
            if not news:
                yield b": still here\n\n"
            for name in news:
                sent[name] = self._versions[name]
                yield b"event: " + name.encode() + b"\ndata: " + self._messages[name] + b"\n\n"

    async def _news(self, sent: Mapping[str, int]) -> list[str]:
        """The sides whose newest message was not sent; waits a while for one."""

        def unsent() -> list[str]:
            return [name for name, version in self._versions.items() if sent.get(name) != version]

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(unsent), _KEEP_ALIVE_SECONDS)
            except TimeoutError:
                return []
            return unsent()

    async def _watch_tab(self) -> None:
        version = -1
        while True:
            try:
                grid = await asyncio.to_thread(self._person.grid)
                if grid.version != version:
                    version = grid.version
                    await self._tell("tab", tab_message(grid))
                await asyncio.to_thread(self._person.changed_since, version, _LONG_POLL_SECONDS)
            except (httpx.HTTPError, OperatorError) as problem:
                version = -1
                await self._tell("tab", {"problem": f"the spreadsheet can't be read: {problem}"})
                await asyncio.sleep(_AFTER_A_PROBLEM_SECONDS)

    async def _watch_table(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._database_url, autocommit=True) as connection:
                    await self._poll_table(connection)
            except psycopg.Error as problem:
                await self._tell("table", {"problem": f"the table can't be read: {problem}"})
                await asyncio.sleep(_AFTER_A_PROBLEM_SECONDS)

    async def _poll_table(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        seen: Any = None
        while True:
            signature = await (await connection.execute(_SIGNATURE)).fetchone()
            if signature != seen:
                seen = signature
                async with connection.cursor(row_factory=dict_row) as cursor:
                    rows = await (await cursor.execute(_ROWS, (SHOWN_ROWS,))).fetchall()
                await self._tell("table", table_message(rows, 0 if signature is None else signature[0]))
            await asyncio.sleep(_TABLE_EVERY_SECONDS)

    async def _tell(self, name: str, message: Mapping[str, Any]) -> None:
        text = orjson.dumps(message)
        if self._messages.get(name) == text:
            return
        async with self._changed:
            self._messages[name] = text
            self._versions[name] = self._versions.get(name, 0) + 1
            self._changed.notify_all()


def tab_message(grid: Grid) -> dict[str, Any]:
    """A tab for the page: headers with their columns' letters, rows with their numbers; the hidden column is left out."""
    headers = list(grid.rows[0]) if grid.rows else []
    shown = [column for column, header in enumerate(headers) if header and header != MARKS]
    used = [number for number in range(1, len(grid.rows)) if any(grid.rows[number])]
    rows = [
        {
            "number": number + 1,
            "cells": [_at(grid.rows, number, column) for column in shown],
            "notes": [_at(grid.notes, number, column) for column in shown],
        }
        for number in used[:SHOWN_ROWS]
    ]
    return {
        "headers": [headers[column] for column in shown],
        "header_notes": [_at(grid.notes, 0, column) for column in shown],
        "letters": [letter(column) for column in shown],
        "rows": rows,
        "count": len(used),
        "next": (used[-1] if used else 0) + 2,
    }


def table_message(rows: Sequence[Mapping[str, Any]], count: int) -> dict[str, Any]:
    """A table for the page, values as psql prints them."""
    shown = [{"key": str(row["lead_id"]), "cells": [_text(row[name]) for name in COLUMNS]} for row in rows]
    return {"headers": list(COLUMNS), "rows": shown, "count": count}


def letter(column: int) -> str:
    """The letters of a column counted from 0: A, Z, AA."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _at(rows: Sequence[Sequence[str | None]], row: int, column: int) -> str:
    return (rows[row][column] or "") if row < len(rows) and column < len(rows[row]) else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
