"""`tabstream doctor` as it is seen on a terminal and by programs."""

import io

from rich.console import Console

from tabstream.cli.doctor import as_object, show
from tabstream.operations.doctor.findings import APPLY, Group, hand, ok, skipped, statement, warning, wrong

FINDINGS = [
    ok(Group.DATABASE, "wal level", "logical"),
    wrong(
        Group.TABLES,
        "grants",
        "'app[1]' lacks INSERT",
        statement("GRANT INSERT ON {table} TO {role}", table="odd [table]", role="app"),
        APPLY,
        subject="public.odd [table]",
    ),
    wrong(Group.MACHINE, "bindings file", "b.yaml:3: one\nb.yaml:4: two", hand("correct it")),
    warning(Group.KAFKA, "topic", "2 partitions", subject="tabstream.edits"),
    *skipped(Group.REGISTRY, ["reachable", "schema"], "nothing answers"),
]


def test_findings_stand_by_group_with_their_remedies_below() -> None:
    text = io.StringIO()
    show(FINDINGS, Console(file=text, width=40))
    assert text.getvalue().splitlines() == [
        "database",
        "  ok            wal level: logical",
        "tables",
        "  wrong         grants public.odd [table]: 'app[1]' lacks INSERT",
        '                SQL: GRANT INSERT ON "odd [table]" TO "app"',
        "                run: tabstream connectors apply",
        "this machine",
        "  wrong         bindings file: b.yaml:3: one",
        "                b.yaml:4: two",
        "                do: correct it",
        "kafka",
        "  warning       topic tabstream.edits: 2 partitions",
        "schema registry",
        "  not looked at reachable, schema: nothing answers",
        "1 ok, 1 warning, 2 wrong, 2 not looked at",
    ]


def test_programs_get_each_finding_with_its_steps() -> None:
    answer = as_object(FINDINGS)
    assert answer["well"] is False
    assert answer["findings"][1] == {
        "group": "tables",
        "check": "grants",
        "subject": "public.odd [table]",
        "verdict": "wrong",
        "found": "'app[1]' lacks INSERT",
        "remedy": [
            {"how": "sql", "text": 'GRANT INSERT ON "odd [table]" TO "app"'},
            {"how": "shell", "text": "tabstream connectors apply"},
        ],
    }
    assert as_object(FINDINGS[:1])["well"] is True
    assert as_object(FINDINGS[3:])["well"] is True, "a warning is no fault"
