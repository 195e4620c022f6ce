"""Every metric of every process: kind, unit, labels, what it means, and what an operator does about it.

A process shows all of them, and moves those that are its own. `METRICS` lists them for documentation, dashboards and
alerts, which a test holds to it. Labels hold names of bindings, topics and outcomes, never what people wrote.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prometheus_client import Counter, Gauge, Histogram

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Description:
    """One metric. `name` is as Prometheus shows it (a histogram's without `_bucket`, `_sum` and `_count`)."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    action: str


METRICS: list[Description] = []

_LATENCY_SECONDS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300)


def _counter(name: str, labels: Iterable[str], meaning: str, action: str, unit: str = "events") -> Counter:
    METRICS.append(Description(name, "counter", unit, tuple(labels), meaning, action))
    return Counter(name, meaning, tuple(labels))


def _gauge(name: str, labels: Iterable[str], meaning: str, action: str, unit: str) -> Gauge:
    METRICS.append(Description(name, "gauge", unit, tuple(labels), meaning, action))
    return Gauge(name, meaning, tuple(labels))


def _histogram(name: str, labels: Iterable[str], meaning: str, action: str) -> Histogram:
    METRICS.append(Description(name, "histogram", "seconds", tuple(labels), meaning, action))
    return Histogram(name, meaning, tuple(labels), buckets=_LATENCY_SECONDS)


# How far behind

CONSUMER_LAG = _gauge(
    "kafka_consumergroup_lag",
    ("consumergroup", "topic", "partition"),
    "messages between the end of the partition and what the group has dealt with",
    "if it grows for minutes: look at the problem in `tabstream status`, then at quota waited for and rows parked",
    "messages",
)
OLDEST_UNSHOWN_SECONDS = _gauge(
    "tabstream_oldest_unshown_seconds",
    ("binding",),
    "age of the oldest change committed in the database that the tab does not show yet; 0 if there is none",
    "if over a minute: the quota is too small for the load, or the binding is paused or parked; see `tabstream status`",
    "seconds",
)
COMMIT_TO_CELL_SECONDS = _histogram(
    "tabstream_commit_to_cell_seconds",
    ("binding",),
    "from a change's commit in the database to Google's answer to the write that shows it",
    "if it rises without load: compare with flush_seconds (Google) and the connector's lag (Debezium)",
)
EDIT_TO_COMMIT_SECONDS = _histogram(
    "tabstream_edit_to_commit_seconds",
    ("binding",),
    "from the end of the read that saw an edit to the commit of its decision in the database",
    "if it rises: look at the lag of the edits topic and at batch_seconds of the database sink",
)

# What the standing audit has found

AUDITS = _counter(
    "tabstream_audits_total",
    ("binding", "outcome"),
    "audits by their outcome: equal, under_way, drift, undecided, failed",
    "failed or undecided for long: run `tabstream audit BINDING`, which says why",
)
DRIFT = _gauge(
    "tabstream_drift",
    ("binding",),
    "cells and rows of the tab that have drifted from the table, as the last audit that came to an end has found",
    "if over 0: `tabstream audit BINDING` shows them, `--repair` has them written anew",
    "findings",
)
LAST_PROOF = _gauge(
    "tabstream_last_proof_timestamp_seconds",
    ("binding",),
    "when tab and table were last proved to be equal, apart from edits of people; in seconds since 1970",
    "if it stands still for several of TABSTREAM_AUDIT_SECONDS: run `tabstream audit BINDING`, which says why",
    "seconds",
)

# What is written to the sheets

FLUSH_SECONDS = _histogram(
    "tabstream_flush_seconds",
    ("spreadsheet",),
    "one flush of a spreadsheet: read, plan and write, quota waits included",
    "if it rises with api_call_seconds: Google is slow; with quota_waited_seconds: ask Google for more quota",
)
ROWS_WRITTEN = _counter(
    "tabstream_rows_written_total",
    ("binding",),
    "rows inserted, changed or deleted in the tab",
    "none; shows the load",
    "rows",
)
CELLS_WRITTEN = _counter(
    "tabstream_cells_written_total",
    ("binding",),
    "bound cells written, marks not counted",
    "none; far more cells than changed columns means that people or scripts keep changing them back",
    "cells",
)
CHANGES_CONSUMED = _counter(
    "tabstream_changes_consumed_total",
    ("binding",),
    "row changes read from the table's topic",
    "none; against rows_written it shows how much a flush gathers",
)
SURPRISES = _counter(
    "tabstream_surprises_total",
    ("binding", "kind"),
    "what a write met unseen: cells (reported as edits), rows (planned again), deleted (copied back), moved (read again)",
    "nothing is lost; if frequent, people type where changes stream: check that the triggers are installed",
)
FENCES_LOST = _counter(
    "tabstream_fences_lost_total",
    ("spreadsheet",),
    "writes refused because another came between: a former owner's, a late call, a person's change of `_tabstream`",
    "none if rare (a rebalance); if steady, two deployments with different group ids write one spreadsheet",
)
REPAIRS = _counter(
    "tabstream_repairs_total",
    ("binding", "kind"),
    "rows put right: mark, key, whole, copy",
    "none; if frequent, tell the people of the tab to sort whole rows and to leave `_sync` alone",
    "rows",
)
SWEEPS = _counter(
    "tabstream_sweeps_total",
    ("binding", "outcome"),
    "whole reads of a tab for edits: read, or unchanged (Drive's version said so)",
    "none; if nothing is ever read, nobody's edits are found without the trigger",
)
TAB_ROWS = _gauge(
    "tabstream_tab_rows",
    ("binding",),
    "rows of the table that the tab shows",
    "compare with the table",
    "rows",
)
GRID_CELLS = _gauge(
    "tabstream_grid_cells",
    ("spreadsheet",),
    "cells of the spreadsheet's grids, blank ones included; Google allows 10,000,000",
    "over 80%: move a tab to a spreadsheet of its own, or delete blank columns",
    "cells",
)
SLOT_BEHIND_BYTES = _gauge(
    "tabstream_replication_slot_behind_bytes",
    ["slot"],
    "Write-ahead log that the connector has not confirmed yet.",
    "If it grows, the connector does not keep up or does not run: tabstream connectors status.",
    "bytes",
)
OWNED = _gauge(
    "tabstream_owned",
    ("spreadsheet",),
    "1 where this instance is the owner of the spreadsheet",
    "the sum over instances must be 1 for each spreadsheet, short of a rebalance",
    "0 or 1",
)

# Google's API

API_CALLS = _counter(
    "tabstream_api_calls_total",
    ("method", "outcome"),
    "calls of the Google APIs by method and outcome: ok, or how they failed",
    "429: see quota_used; 403: share the spreadsheet with the service account; 5xx: wait, they are repeated",
    "calls",
)
API_CALL_SECONDS = _histogram(
    "tabstream_api_call_seconds",
    ("method",),
    "duration of one call of the Google APIs",
    "none; Google's own speed",
)
QUOTA_USED = _gauge(
    "tabstream_quota_used",
    ("kind", "account"),
    "this instance's calls in the last 60 seconds, by kind (read, write) and Google account",
    "near quota_per_minute * quota_share * quota_part for long: ask Google for more, or add an account to the folder of keys",
    "calls",
)
QUOTA_PART = _gauge(
    "tabstream_quota_part",
    (),
    "the part of each account's quota that this instance uses, from 0 to 1; it grows a minute after another instance has left",
    "far below 1 / instances for long: an instance is started and stopped again and again; see the logs",
    "ratio",
)
QUOTA_WAITED = _histogram(
    "tabstream_quota_waited_seconds",
    ("kind",),
    "time that a call waited for the quota",
    "as for quota_used",
)

# Edits

EDITS_EMITTED = _counter(
    "tabstream_edits_emitted_total",
    ("binding", "how"),
    "edits published, by who saw them: TRIGGER, READ, SWEEP, PRE_IMAGE",
    "no TRIGGER but many SWEEP: the Apps Script's triggers are not installed, or can't reach the producer",
)
EDITS_DECIDED = _counter(
    "tabstream_edits_decided_total",
    ("binding", "outcome"),
    "cells and rows decided by the database sink: applied, same, rejected, lost, held, deleted, inserted, restored",
    "many rejected: people type what the table refuses, see the notes; many lost: reconsider the conflict rule",
)
EDITS_IGNORED = _counter(
    "tabstream_edits_ignored_total",
    ("binding", "reason"),
    "observations that changed nothing: repeat (answered again), stale (will be seen again), touch",
    "none",
)
EDITS_WAITING = _gauge(
    "tabstream_edits_waiting",
    ("binding",),
    "edits that the owner has reported and no answer has been shown for",
    "if it stays: is the database sink running, is its lag falling",
    "edits",
)
BATCH_SECONDS = _histogram(
    "tabstream_batch_seconds",
    (),
    "one transaction of the database sink, from its first lock to its commit",
    "if it rises: look for lock waits and slow constraints or triggers in the database",
)
BATCHES_HALVED = _counter(
    "tabstream_batches_halved_total",
    (),
    "batches that failed as a whole and were tried in halves",
    "if frequent: a constraint, trigger or lock refuses edits; the log names them",
)

# What waits for an operator

PARKED_ROWS = _gauge(
    "tabstream_parked_rows",
    ("binding",),
    "rows set aside with a reason, while the others go on",
    "`tabstream status` names the reason; a rebuild of the tab tries them again",
    "rows",
)
HELD = _gauge(
    "tabstream_held",
    ("binding",),
    "deletes and mass changes that wait for a confirmation",
    "`tabstream status` shows what is held and the digest to confirm it with",
    "edits",
)
INCOMPLETE_ROWS = _gauge(
    "tabstream_incomplete_rows",
    ("binding",),
    "rows of people that are not saved: a needed column is empty, they were refused, or they are copies",
    "none; the note in the row says why",
    "rows",
)
PAUSED = _gauge(
    "tabstream_paused",
    ("binding",),
    "1 where the binding is paused",
    "`tabstream status` names problem and remedy",
    "0 or 1",
)
DEAD_LETTERS = _counter(
    "tabstream_dead_letters_total",
    ("topic",),
    "messages that can't be read, now in tabstream.dead-letters with the reason in their headers",
    "read the headers; after a fix, the row's next change or a rebuild shows it",
    "messages",
)
OUTAGES = _counter(
    "tabstream_outages_total",
    ("system",),
    "failed attempts to reach kafka, the registry, the database or google, each followed by another",
    "if it rises steadily, that system or the way to it is down",
    "attempts",
)

# The producer

POSTS = _counter(
    "tabstream_posts_total",
    ("status",),
    "POST /edits by HTTP status",
    "401: wrong secret or a clock off, or somebody tries; 413: raise the limit; 503: see reason in the log",
    "requests",
)
POSTS_IN_FLIGHT = _gauge(
    "tabstream_posts_in_flight",
    (),
    "POST /edits that are being received, or wait for Kafka's acknowledgement",
    "if it grows: the brokers are slow, see post_seconds",
    "requests",
)
POST_SECONDS = _histogram(
    "tabstream_post_seconds",
    (),
    "POST /edits from its arrival to its answer, Kafka's acknowledgement included",
    "if over a second: look at the brokers",
)
POKE_REASONS = _counter(
    "tabstream_poke_reasons_total",
    ("binding", "reason"),
    "why posts made the owner look for itself",
    "rows without a mark are usual; damaged marks or headers: see `tabstream status`; no binding: check the tab's name",
)
SIGNALS_SENT = _counter(
    "tabstream_signals_sent_total",
    ("kind",),
    "signals published, by kind",
    "none",
)
READY = _gauge(
    "tabstream_ready",
    ("process",),
    "1 where the process is ready: it makes progress or has nothing to do",
    "/readyz and the log say why it is not",
    "0 or 1",
)
BINDINGS_REFUSED = _gauge(
    "tabstream_bindings_refused",
    (),
    "1 while the bindings file as it is now is wrong, so that the process goes on with the bindings it had",
    "/readyz and the log name file, line and remedy; once the file is right it is taken up by itself",
    "0 or 1",
)
BINDINGS_TAKEN_UP = _counter(
    "tabstream_bindings_taken_up_total",
    (),
    "changes of the bindings file that were taken up while the process ran",
    "none",
)
