"""Asks everything at once, each for a few seconds, and has what was learnt judged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

from tabstream.bindings_file import load_bindings
from tabstream.clock import Clock
from tabstream.config import Settings
from tabstream.core.binding import Bindings
from tabstream.errors import ConfigurationError, OperatorError, Outage, TabstreamError
from tabstream.operations.doctor import (
    asking,
    asking_google,
    asking_producer,
    clocks,
    connector,
    database,
    google,
    machine,
    registry,
    script,
    tables,
    topics,
)
from tabstream.operations.doctor.findings import Finding, Group, hand, skipped, wrong
from tabstream.operations.schemas import Subject
from tabstream.operations.status import answer, begun

_SECONDS = 4.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[_T]):
    """What came of asking: a value, or why there is none."""

    value: _T | None
    problem: TabstreamError | None = None


@dataclass(frozen=True, slots=True)
class _Answers:
    database: Answer[tuple[database.Facts, list[tables.Facts], clocks.Ahead]]
    kafka: Answer[topics.Facts]
    connector: Answer[connector.Facts]
    registry: Answer[list[Subject]]
    google: Answer[asking_google.Seen]
    producer: Answer[script.Producer]
    scripts: Answer[Mapping[str, script.Script | None]]


@dataclass(frozen=True, slots=True)
class _Local:
    """What lies on this machine."""

    settings: Settings
    bindings: Bindings
    bindings_problem: str | None
    credentials: Sequence[google.Credentials]
    secret: script.Secret | None


def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Everything that can be found out; never raises for what is out of reach, which is a finding too."""
    bindings, problem = _bindings(settings)
    keys = asking_google.read_credentials(settings)
    accounts = {about.account: credentials for about, credentials in keys if about.problem is None}
    secret_path = settings.producer_secret_file
    about_secret, secret = asking_producer.read_secret(secret_path) if secret_path is not None else (None, None)
    longest = _SECONDS * (1 + len(bindings.spreadsheets))  # each has its own limit
    has_database = bool(settings.database_url)
    knows_bindings = settings.bindings_file is not None and problem is None

    def ask(wanted: bool, call: Callable[[], _T], seconds: float = _SECONDS) -> Callable[[], Answer[_T]]:
        if not wanted:
            return lambda: Answer(None)
        asked, until = begun(call), clock.monotonic() + seconds
        return lambda: _answer(asked, until - clock.monotonic())

    # All are asked before the first answer is waited for.
    of_database = ask(has_database, lambda: asking.ask_database(settings, bindings, clock))
    of_kafka = ask(True, lambda: asking.ask_kafka(settings, bindings))
    of_connector = ask(has_database and knows_bindings, lambda: asking.ask_connect(settings, bindings))
    of_registry = ask(True, lambda: asking.ask_registry(settings))
    of_google = ask(bool(accounts), lambda: asking_google.ask_google(settings, accounts, bindings, clock), longest)
    of_producer = ask(secret is not None, lambda: asking_producer.ask_producer(settings, secret, clock))
    of_scripts = ask(secret is not None, lambda: asking_producer.ask_scripts(settings, bindings))
    answers = _Answers(of_database(), of_kafka(), of_connector(), of_registry(), of_google(), of_producer(), of_scripts())
    local = _Local(settings, bindings, problem, [about for about, _ in keys], about_secret)
    # Several bindings of one table say the same of it.
    return list(dict.fromkeys(_judge(local, answers, clock.now_ms())))


def _judge(local: _Local, answers: _Answers, now_ms: int) -> Iterator[Finding]:
    yield from machine.judge_settings(local.settings, local.bindings_problem, len(local.bindings.bindings))
    yield from _database(answers)
    yield from _group(answers.kafka, Group.KAFKA, topics.CHECKS, topics.judge)
    yield from _group(answers.connector, Group.CONNECTOR, connector.CHECKS, connector.judge)
    yield from _group(answers.registry, Group.REGISTRY, registry.CHECKS, registry.judge)
    yield from _google(local, answers)
    yield from _script(local, answers, now_ms)
    asked = answers.database.value
    seen = answers.google.value
    yield from clocks.judge(seen.ahead if seen is not None else None, asked[2] if asked is not None else None)


def _database(answers: _Answers) -> Iterator[Finding]:
    asked = answers.database
    if asked.value is None:
        yield from _out_of_reach(asked, Group.DATABASE, database.CHECKS)
        yield from skipped(Group.TABLES, tables.CHECKS, "the database can't be asked")
        return
    facts, bound, _ = asked.value
    yield from database.judge(facts)
    found = answers.connector.value
    reselects = found.reselects if found is not None and found.now is not None else True
    for table in bound:
        yield from tables.judge(table, facts.server.role, facts.server.commit_times, reselects)


def _google(local: _Local, answers: _Answers) -> Iterator[Finding]:
    for key in local.credentials:
        yield from google.judge_credentials(key)
    seen = answers.google
    if seen.value is None:
        if seen.problem is not None:
            yield wrong(Group.GOOGLE, google.REACHABLE, str(seen.problem), hand(_CORRECT[Group.GOOGLE]))
        why = "there are no credentials that can be used" if seen.problem is None else "nothing answers"
        yield from skipped(Group.GOOGLE, (*google.CHECKS, google.QUOTA), why)
        return
    yield from google.judge_spreadsheets(seen.value.spreadsheets)
    refused = any(google.refused(spreadsheet) for spreadsheet in seen.value.spreadsheets)
    settings = local.settings
    yield google.judge_quota(refused, settings.quota_per_minute, settings.quota_share)


def _script(local: _Local, answers: _Answers, now_ms: int) -> Iterator[Finding]:
    if local.secret is None:
        yield script.judge_unused()
        return
    yield script.judge_secret(local.secret)
    if answers.producer.value is None:
        why = str(answers.producer.problem) if answers.producer.problem is not None else "the secret file can't be used"
        yield from skipped(Group.SCRIPT, (script.PRODUCER, script.SEEN), why)
        return
    yield script.judge_producer(answers.producer.value)
    yield from script.judge_scripts(answers.scripts.value, now_ms)


_CORRECT = {
    Group.DATABASE: "start the database, or correct TABSTREAM_DATABASE_URL",
    Group.KAFKA: "start Kafka, or correct TABSTREAM_BOOTSTRAP_SERVERS",
    Group.CONNECTOR: "start Kafka Connect, or correct TABSTREAM_CONNECT_URL",
    Group.GOOGLE: "see to it that this machine reaches Google's APIs",
    Group.REGISTRY: "start the schema registry, or correct TABSTREAM_SCHEMA_REGISTRY_URL",
}


def _group(
    asked: Answer[_T], group: Group, checks: Iterable[str], judge: Callable[[_T], Iterator[Finding]]
) -> Iterator[Finding]:
    if asked.value is None:
        yield from _out_of_reach(asked, group, checks)
    else:
        yield from judge(asked.value)


def _out_of_reach(asked: Answer[_T], group: Group, checks: Iterable[str]) -> Iterator[Finding]:
    """The ground of a group's checks is missing: told once."""
    reachable, *others = checks
    match asked.problem:
        case None:
            yield from skipped(group, (reachable, *others), "a setting that it needs is missing or wrong")
            return
        case OperatorError() as problem:
            yield wrong(group, reachable, problem.problem, hand(problem.remedy or _CORRECT[group]))
        case ConfigurationError() as problem:
            yield wrong(group, reachable, str(problem), hand("correct the setting"))
        case problem:
            yield wrong(group, reachable, str(problem), hand(_CORRECT[group]))
    yield from skipped(group, others, "nothing answers")


def _answer(asked: Future[_T], seconds: float) -> Answer[_T]:
    try:
        return Answer(answer(asked, seconds))
    except TabstreamError as problem:
        return Answer(None, problem)
    except Exception as problem:  # whatever else is out of order, the other checks are not
        return Answer(None, Outage(f"it can't be examined: {problem!r}"))


def _bindings(settings: Settings) -> tuple[Bindings, str | None]:
    if settings.bindings_file is None:
        return Bindings(), None
    try:
        return load_bindings(settings.bindings_file), None
    except ConfigurationError as problem:
        return Bindings(), str(problem)
