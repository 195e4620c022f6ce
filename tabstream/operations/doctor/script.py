"""What is judged of the way from the Apps Script to Kafka: the secret, the producer, and what has come from scripts. Pure.

Nobody but Google can say whether a script is installed: what can be seen is the edits that it has sent, each of which names
the script's version.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sheet_producer.post import SCRIPT_VERSION
from tabstream.operations.doctor.findings import Finding, Group, How, Step, hand, ok, shell, skipped, warning, wrong

SECRET, PRODUCER, SEEN = "secret", "producer", "script"
CHECKS = (SECRET, PRODUCER, SEEN)
_SCRIPT = Group.SCRIPT
_RUN = shell("tabstream", "run", "producer")
_HTTP_REFUSED = 401
_HTTP_UNDERSTOOD = 400  # what a signed POST without content is answered


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret file. `problem` is why it can't be used."""

    path: str
    problem: str | None = None
    short: bool = False
    open_to_others: bool = False


@dataclass(frozen=True, slots=True)
class Producer:
    """The producer at `url`. `unready` are its own reasons, `status` its answer to a signed POST, None where none came."""

    url: str
    status: int | None
    reason: str = ""
    unready: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """The newest edit that a spreadsheet's script has sent: when (ms since 1970), and the script's version."""

    at_ms: int
    version: int


def judge_unused() -> Finding:
    """Without a secret, nothing is expected of a script."""
    return ok(_SCRIPT, PRODUCER, "not used: TABSTREAM_PRODUCER_SECRET_FILE is not set, so edits are found by sweeps alone")


def judge_secret(secret: Secret) -> Finding:
    """The file that producer and scripts share."""
    make = Step(How.SHELL, f"(umask 077 && openssl rand -base64 32 > {shlex.quote(secret.path)})")
    tell = hand("set the script property TABSTREAM_SECRET of each spreadsheet to its first line, and run install again")
    if secret.problem is not None:
        return wrong(_SCRIPT, SECRET, secret.problem, make, tell)
    if secret.short:
        return warning(_SCRIPT, SECRET, "it is shorter than 16 characters, and can be guessed", make, tell)
    if secret.open_to_others:
        said = f"{secret.path!r} can be read by every user of this machine"
        return warning(_SCRIPT, SECRET, said, shell("chmod", "go-rwx", secret.path))
    return ok(_SCRIPT, SECRET, "it can be read")


def judge_producer(producer: Producer) -> Finding:
    """Whether it answers, is ready, and has the secret of the file."""
    if producer.status is None:
        said = f"nobody answers at {producer.url} (from this machine): {producer.reason}"
        return warning(_SCRIPT, PRODUCER, said, _RUN)
    if producer.unready:
        said = f"{producer.url} is not ready: {'; '.join(producer.unready)}"
        return wrong(_SCRIPT, PRODUCER, said, hand("cure what is said of kafka and the schema registry above"))
    if producer.status == _HTTP_REFUSED:
        said = f"{producer.url} refuses what is signed with the secret file: {producer.reason}"
        again = hand("start the producer again with this TABSTREAM_PRODUCER_SECRET_FILE, and with a clock that is right")
        return wrong(_SCRIPT, PRODUCER, said, again)
    if producer.status != _HTTP_UNDERSTOOD:
        said = f"{producer.url} answers {producer.status} to a signed POST: {producer.reason}"
        return wrong(
            _SCRIPT, PRODUCER, said, hand("is it tabstream's producer that listens there? correct TABSTREAM_PRODUCER_PORT")
        )
    return ok(_SCRIPT, PRODUCER, f"{producer.url} takes what is signed with the secret file")


def judge_scripts(spreadsheets: Mapping[str, Script | None] | None, now_ms: int) -> Iterator[Finding]:
    """For each spreadsheet what its script has sent last, None where it has sent nothing; None if that can't be told."""
    if spreadsheets is None:
        yield from skipped(_SCRIPT, [SEEN], "the topic of edits can't be read")
        return
    for name, script in spreadsheets.items():
        if script is None:
            said = "no edit has come from its script lately; they are found by sweeps, a little later"
            step = hand(
                "open its Extensions > Apps Script, run install, edit a cell; look at Executions there if nothing comes"
            )
            yield warning(_SCRIPT, SEEN, said, step, subject=name)
        else:
            yield _judge_version(name, script, f"its newest edit came {_ago(now_ms - script.at_ms)} ago")


def _judge_version(name: str, script: Script, said: str) -> Finding:
    if script.version == SCRIPT_VERSION:
        return ok(_SCRIPT, SEEN, f"{said}, from version {script.version} of the script", subject=name)
    which = f"version {script.version}" if script.version else "a version before 1"
    said = f"{said}, from {which} of the script, and this is tabstream with version {SCRIPT_VERSION}"
    step = hand("put sheet_producer/apps_script/Code.gs in place of what is in its Extensions > Apps Script, and edit a cell")
    return warning(_SCRIPT, SEEN, said, step, subject=name)


def _ago(milliseconds: int) -> str:
    seconds = max(0, milliseconds // 1000)
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
