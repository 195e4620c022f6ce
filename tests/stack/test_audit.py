"""`tabstream audit` on the stack: what it finds, what it takes for nobody's fault, and what it has put right."""

import json
import subprocess
import sys
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tabstream.operations.demo.installing import Place
from tabstream.operations.demo.story.scene import Scene
from tests.stack.changing import changes
from tests.stack.local_stack import LocalStack, free_port, until
from tests.stack.raw_tab import RawTab

IN_A_HURRY = {"TABSTREAM_QUOTA_PER_MINUTE": "6000"}  # the stand-in takes as many here


def test_an_audit_finds_a_damaged_cell_whose_mark_agrees_and_nothing_else(
    bound: tuple[LocalStack, Place], scene: Scene
) -> None:
    local, place = bound
    key = scene.lead("damaged")
    scene.until_equal(60)

    def audit() -> tuple[int, dict[str, Any]]:
        done = local.command("audit", "leads", "--json", **local.settings(**IN_A_HURRY))
        assert done.stdout, done.stderr
        [binding] = json.loads(done.stdout)["bindings"]
        return done.returncode, binding

    code, equal = audit()
    assert (code, equal["outcome"], equal["checksum"]["tab"]) == (0, "equal", equal["checksum"]["table"])
    assert equal["rows"]["tab"] == equal["rows"]["table"] > 0

    RawTab(place).damage(key, "company", "nobody wrote this")
    code, drifted = audit()
    assert (code, drifted["outcome"], drifted["counts"]) == (3, "drift", {"drift": 1})
    [finding] = drifted["findings"]
    assert (finding["kind"], finding["key"], finding["column"]) == ("cell", f"[{key}]", "company")
    assert (finding["tab"], finding["table"]) == ("nobody wrote this", scene.value(key, "company"))
    assert drifted["checksum"]["tab"] != drifted["checksum"]["table"]
    said = local.command("audit", "--all", **local.settings(**IN_A_HURRY))
    assert (said.returncode, "    tabstream audit leads --repair" in said.stdout.splitlines()) == (3, True)
    assert "nobody wrote this" in said.stdout
    assert "1 drift" in said.stdout

    scene.query("set_notes", key=key, text="its next change puts it right")
    scene.until_equal(60)
    assert audit()[1]["outcome"] == "equal"
    unknown = local.command("audit", "nobody", **local.settings(**IN_A_HURRY))
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "choose of: leads" in unknown.stderr


def test_audits_while_both_sides_change_find_no_drift(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, _ = bound
    keys = [scene.lead(f"busy {number}") for number in range(5)]
    with changes(local, keys):
        outcomes = []
        for number in range(4):
            scene.type(keys[number], "company", f"typed {number}")
            done = local.command("audit", "leads", "--json", **local.settings(**IN_A_HURRY))
            [binding] = json.loads(done.stdout)["bindings"]
            outcomes.append((done.returncode, binding["counts"].get("drift", 0), binding["problem"]))
        assert outcomes == [(0, 0, None)] * 4, outcomes
    scene.until_equal(60)


def test_what_has_drifted_is_repaired_and_what_people_typed_stays(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, place = bound
    damaged, missing = scene.lead("drifted"), scene.lead("lost its mark")
    scene.until_equal(60)
    tab = RawTab(place)
    tab.damage(damaged, "company", "nobody wrote this")
    tab.write(tab.row_of(missing), "_sync", "rubbish")
    typed = scene.lead("typed in")
    scene.type(typed, "company", "a person's")
    done = local.command("audit", "leads", "--repair", "--json", **local.settings(**IN_A_HURRY))
    [report] = json.loads(done.stdout)["bindings"]
    assert (done.returncode, report["counts"].get("drift")) == (0, None), done.stdout
    assert report["before"].get("cell") == 1
    scene.until_equal(60)
    assert scene.value(damaged, "company") != "nobody wrote this"
    assert scene.value(typed, "company") == "a person's"


def test_a_standing_audit_shows_drift_and_its_end_as_metrics(bound: tuple[LocalStack, Place], scene: Scene) -> None:
    local, place = bound
    key = scene.lead("watched")
    scene.until_equal(60)
    port = free_port()
    settings = local.settings(TABSTREAM_AUDIT_SECONDS="1", TABSTREAM_AUDIT_QUOTA_SHARE="1", TABSTREAM_METRICS_PORT=str(port))
    auditor = subprocess.Popen(
        [sys.executable, "-m", "tabstream.cli", "run", "auditor"],
        env={**local.environment, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def value(name: str) -> float | None:
        try:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        except httpx.TransportError:
            return None
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
        return next((s.value for s in samples if s.name == name and s.labels.get("binding") == "leads"), None)

    try:
        until(lambda: (value("tabstream_last_proof_timestamp_seconds") or 0) > 0, "a first proof")
        RawTab(place).damage(key, "company", "nobody wrote this")
        until(lambda: value("tabstream_drift") == 1, "the drift as a metric")
        assert local.command("audit", "leads", "--repair", **local.settings(**IN_A_HURRY)).returncode == 0
        until(lambda: value("tabstream_drift") == 0, "the end of the drift")
    finally:
        auditor.terminate()
        assert auditor.wait(30) == 0
