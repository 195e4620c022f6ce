"""What is judged of topics; changing them is tested on the real stack."""

from dataclasses import replace

import pytest

from tabstream.kafka.topic_settings import Cluster, Lack, TopicNow, lacks
from tabstream.kafka.topics import EDITS, STATUS, own_topics, table_topic
from tabstream.operations.doctor.findings import APPLY, Finding, Verdict
from tabstream.operations.doctor.topics import Facts, judge
from tests.operations.doctor.curing import ill

LEADS = table_topic("db", "public.leads")
RESULTS = "db.tabstream.edit_result"
WANTED = (*own_topics("db.tabstream.edit_result"), LEADS)
AS_MADE = {
    topic.name: TopicNow(topic.partitions, 3, {"min.insync.replicas": "2", "retention.ms": "1", **topic.settings})
    for topic in WANTED
}


def judged(brokers: int = 3, **changes: TopicNow | None) -> list[Finding]:
    """With some topics changed, or taken away; `_` stands for `.` in their names."""
    there = {**AS_MADE, **{name: now for name, now in changes.items() if now is not None}}
    kept = {name: now for name, now in there.items() if changes.get(name, now) is not None}
    return list(judge(Facts(Cluster(brokers, kept), WANTED, frozenset({RESULTS}))))


def changed(name: str, **settings: str) -> TopicNow:
    now = AS_MADE[name]
    return replace(now, settings={**now.settings, **{key.replace("_", "."): value for key, value in settings.items()}})


def test_topics_as_they_are_made_are_well() -> None:
    assert ill(judged()) == []


def test_a_topic_that_is_missing_is_made_by_applying() -> None:
    [found] = ill(judged(**{EDITS: None}))
    assert (found.subject, found.verdict, found.steps) == (EDITS, Verdict.WRONG, (APPLY,))


@pytest.mark.parametrize(
    ("name", "now", "verdict", "said"),
    [
        (LEADS.name, changed(LEADS.name, cleanup_policy="delete"), Verdict.WRONG, "cleanup.policy is delete"),
        (LEADS.name, changed(LEADS.name, cleanup_policy="compact,delete"), Verdict.WRONG, "should be compact"),
        (STATUS, changed(STATUS, cleanup_policy="delete"), Verdict.WRONG, "should be compact"),
        (LEADS.name, changed(LEADS.name, min_compaction_lag_ms="0"), Verdict.WARNING, "at least 86400000"),
        (LEADS.name, changed(LEADS.name, delete_retention_ms="1000"), Verdict.WARNING, "delete.retention.ms is 1000"),
        (EDITS, changed(EDITS, retention_ms="60000"), Verdict.WARNING, "retention.ms is 60000"),
        (EDITS, replace(AS_MADE[EDITS], partitions=2), Verdict.WARNING, "at most 2 instances"),
    ],
)
def test_what_is_not_enough_is_set_by_the_command_for_that_topic(
    name: str, now: TopicNow, verdict: Verdict, said: str
) -> None:
    [found] = ill(judged(**{name: now}))
    assert (found.subject, found.verdict, said in found.found) == (name, verdict, True)
    assert found.steps[0].text == f"tabstream connectors topics {name}"


@pytest.mark.parametrize(
    ("name", "now"),
    [
        (LEADS.name, changed(LEADS.name, min_compaction_lag_ms="999999999", delete_retention_ms="999999999")),
        (LEADS.name, replace(AS_MADE[LEADS.name], partitions=12)),
        (EDITS, changed(EDITS, retention_ms="-1")),
        (EDITS, replace(AS_MADE[EDITS], partitions=24)),
    ],
)
def test_more_than_is_needed_is_as_good(name: str, now: TopicNow) -> None:
    assert ill(judged(**{name: now})) == []


def test_answers_in_a_second_partition_would_not_be_read() -> None:
    [found] = ill(judged(**{RESULTS: replace(AS_MADE[RESULTS], partitions=2)}))
    assert (found.verdict, "only the first is read" in found.found) == (Verdict.WRONG, True)


@pytest.mark.parametrize(
    ("brokers", "replicas", "needed", "verdict", "said"),
    [
        (1, 1, "1", None, ""),
        (1, 1, "2", Verdict.WRONG, "nothing can be written"),
        (2, 2, "2", Verdict.WARNING, "writing stops when one broker does"),
        (3, 1, "1", Verdict.WARNING, "loss of a broker"),
        (3, 3, "1", Verdict.WARNING, "may be lost with one broker"),
        (3, 3, "2", None, ""),
        (3, 3, "3", Verdict.WARNING, "writing stops"),
    ],
)
def test_replication(brokers: int, replicas: int, needed: str, verdict: Verdict | None, said: str) -> None:
    every = {name: replace(now, replicas=replicas, settings={**now.settings, "min.insync.replicas": needed})
             for name, now in AS_MADE.items()}  # fmt: skip
    found = ill(judged(brokers, **every))
    assert {finding.verdict for finding in found} == ({verdict} if verdict else set())
    assert all(said in finding.found for finding in found)
    assert len(found) in (0, len(WANTED))


def test_what_a_command_changes_is_what_is_found() -> None:
    assert lacks(LEADS, changed(LEADS.name, cleanup_policy="delete", delete_retention_ms="5")) == (
        Lack("cleanup.policy", "delete", "compact"),
        Lack("delete.retention.ms", "5", "604800000"),
    )


def test_settings_that_may_not_be_read_are_not_looked_at() -> None:
    hidden = {name: replace(now, settings={}) for name, now in AS_MADE.items()}
    found = list(judge(Facts(Cluster(3, hidden, hidden=True), WANTED)))
    assert ill(found) == []
    assert [finding.check for finding in found if finding.verdict is Verdict.SKIPPED] == ["settings", "replication"]
