"""`tabstream dead-letters`: messages that could not be read."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tabstream.cli.printing import Json, print_json, print_table, print_text

if TYPE_CHECKING:
    from tabstream.core.telling import Undecodable
    from tabstream.operations.dead_letters import DeadLetter

app = typer.Typer(
    help="Messages that could not be read: what they are, why, and what becomes of them.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
Offset = Annotated[str, typer.Argument(metavar="OFFSET", help="as `tabstream dead-letters list` shows it", show_default=False)]


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="how many of the newest")] = 50,
    as_json: Json = False,
) -> None:
    """Shows the dead letters: offset, time, where each comes from, size, and why it could not be read.

    Exit code 0, also where there are none. 1: Kafka gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core.moments import shown_moment
    from tabstream.operations.dead_letters import list_letters

    found = list_letters(load_settings(), limit)
    if as_json:
        print_json({"count": found.count, "letters": [_summary(letter) for letter in found.shown]})
        return
    if not found.count:
        print_text("there are no dead letters")
        return
    print_table(
        ("offset", "time", "from", "bytes", "reason"),
        [
            (_place(one), shown_moment(one.record.at_ms), one.origin.place, str(_size(one)), one.origin.reason)
            for one in found.shown
        ],
    )
    if found.count > len(found.shown):
        print_text(f"the newest {len(found.shown)} of {found.count}; more with --limit")


@app.command()
def show(offset: Offset, as_json: Json = False) -> None:
    """Shows one dead letter whole: headers, key and value, decoded if they can be by now, else as hexadecimal digits.

    Exit code 0. 1: there is no dead letter at this offset, or Kafka gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core import places
    from tabstream.core.moments import shown_moment
    from tabstream.core.telling import json_value
    from tabstream.operations.dead_letters import find_letters, read_letter

    settings = load_settings()
    [letter] = find_letters(settings, [places.offset(offset)])
    message = read_letter(settings, letter)
    headers = {name: value.decode("utf-8", "replace") for name, value in letter.record.headers}
    if as_json:
        value = {"key": json_value(message.key), "value": json_value(message.value), "headers": headers}
        raw = letter.record.value
        print_json(_summary(letter) | value | {"value_hex": None if raw is None else raw.hex()})
        return
    parts = {
        "offset": _place(letter),
        "time": shown_moment(letter.record.at_ms),
        "from": letter.origin.place,
        "reason": letter.origin.reason,
        "key": _whole(message.key),
        "value": f"{_size(letter)} bytes: {_whole(message.value)}",
        **{f"header {name}": text for name, text in headers.items() if not name.startswith("tabstream.")},
    }
    for name, text in parts.items():
        print_text(f"{name}: {text}")


@app.command()
def replay(
    offsets: Annotated[list[str], typer.Argument(metavar="OFFSET...", help="one or more", show_default=False)],
    as_json: Json = False,
) -> None:
    """Writes edits to tabstream.edits again, as they were received; do so once their reason is cured.

    Replaying twice is harmless: an edit that was decided is answered again and applied once. One that still can't be read
    becomes a dead letter again. Only edits are replayed, for the other topics are not ours to write.

    Exit code 0: all are written. 1: one of them isn't there or no edit, and none is written; or Kafka gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core import places
    from tabstream.operations.dead_letters import replay as replay_letters

    replayed = replay_letters(load_settings(), [places.offset(text) for text in offsets])
    if as_json:
        print_json({"replayed": [_summary(letter) for letter in replayed]})
        return
    for letter in replayed:
        print_text(f"{_place(letter)} is in {letter.origin.topic} again")
    print_text(f"they stay among the dead letters until: tabstream dead-letters drop {_place(replayed[-1])}")


@app.command()
def drop(
    offset: Offset,
    yes: Annotated[bool, typer.Option("--yes", help="don't ask")] = False,
    as_json: Json = False,
) -> None:
    """Deletes the dead letters up to this offset, and this one. They are gone for good.

    Exit code 0: they are deleted. 1: there is no such offset, you said no, or Kafka gives no answer.
    """
    from tabstream.config import load_settings
    from tabstream.core import places
    from tabstream.operations import dead_letters

    settings, last = load_settings(), places.offset(offset)
    count = dead_letters.count_up_to(settings, last)
    if not yes and not typer.confirm(f"delete the dead letters up to {offset}, {count} in all?", err=True):
        raise typer.Exit(1)
    dead_letters.drop(settings, last)
    if as_json:
        print_json({"dropped": count})
    else:
        print_text(f"deleted: {count}")


def _summary(letter: "DeadLetter") -> dict[str, Any]:
    record, origin = letter.record, letter.origin
    return {
        "partition": record.partition,
        "offset": record.offset,
        "at_ms": record.at_ms,
        "from_topic": origin.topic or None,
        "from_partition": _number(origin.partition),
        "from_offset": _number(origin.offset),
        "reason": origin.reason,
        "size": _size(letter),
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _place(letter: "DeadLetter") -> str:
    record = letter.record
    return f"{record.partition}/{record.offset}" if record.partition else str(record.offset)


def _size(letter: "DeadLetter") -> int:
    return len(letter.record.value or b"")


def _whole(value: "Undecodable | Any") -> str:
    import orjson

    from tabstream.core.readable import plain
    from tabstream.core.telling import Undecodable

    if isinstance(value, Undecodable):
        return f"{value.hex or '(empty)'} ({value.reason})"
    return "none" if value is None else orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode()
