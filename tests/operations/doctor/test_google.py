"""Google's checks against the stand-in for Google Sheets and a scripted one: sharing, tabs, credentials, quota, clocks."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.credentials import Credentials as Token

from sheets_emulator.model.workbook import new_workbook
from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.core.binding import Binding, Bindings
from tabstream.core.watermark import METADATA_KEY, TopicMark, Watermark, encode_watermark
from tabstream.operations.doctor import clocks
from tabstream.operations.doctor.asking_google import Seen, ask_google, read_credentials
from tabstream.operations.doctor.findings import Finding, How, Verdict
from tabstream.operations.doctor.google import judge_credentials, judge_quota, judge_spreadsheets, refused
from tabstream.sheets import requests as build
from tabstream.sheets.accounts import preferred
from tests.operations.doctor.curing import ill
from tests.sheets.scripted_google import ScriptedGoogle, error
from tests.sheets_emulator.running import Emulator, running

EMAIL = "robot@example.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with running() as emulator:
        yield emulator


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    """With a new spreadsheet of a tab `Sheet1`."""
    server.new_book()
    return server


def bindings(spreadsheet_id: str, *tabs: str) -> Bindings:
    bound = tuple(Binding(tab.lower(), f"public.{tab.lower()}", "crm", spreadsheet_id, tab) for tab in tabs)
    return Bindings(bound, {"crm": spreadsheet_id})


def look(url: str, asked: Bindings, credentials: object = None) -> Seen:
    return ask_google(Settings(sheets_url=url), {EMAIL: credentials}, asked, SystemClock())


def findings(url: str, asked: Bindings) -> list[Finding]:
    return list(judge_spreadsheets(look(url, asked).spreadsheets))


def role(emulator: Emulator, name: str, user: str | None = None) -> None:
    body = {"role": name} | ({} if user is None else {"user": user})
    emulator.http.put(f"/control/spreadsheets/{emulator.book}/role", json=body).raise_for_status()


def test_a_spreadsheet_that_is_shared_and_has_its_tabs_is_well(emulator: Emulator) -> None:
    found = findings(emulator.url, bindings(emulator.book, "Sheet1"))
    assert [(finding.check, finding.verdict) for finding in found] == [
        ("spreadsheet", Verdict.OK),
        ("shared as editor", Verdict.OK),
        ("tab", Verdict.OK),
    ]


@pytest.mark.parametrize(("given", "check"), [("none", "spreadsheet"), ("reader", "shared as editor")])
def test_one_that_is_not_shared_as_editor_says_with_whom_to_share_which(emulator: Emulator, given: str, check: str) -> None:
    asked = bindings(emulator.book, "Sheet1")
    role(emulator, given)
    [found] = ill(findings(emulator.url, asked))
    [step] = found.steps
    assert (found.check, step.how) == (check, How.HAND)
    shared = re.search(r"share https://docs.google.com/spreadsheets/d/(\S+)/edit with (\S+) as editor", step.text)
    assert shared is not None
    assert shared.groups() == (emulator.book, EMAIL)
    role(emulator, "writer")
    assert ill(findings(emulator.url, asked)) == []


def test_one_that_is_not_there_is_there_once_its_id_is_right(emulator: Emulator) -> None:
    [found] = ill(findings(emulator.url, bindings("nowhere", "Sheet1")))
    assert "correct its id in the bindings file" in found.steps[0].text
    assert ill(findings(emulator.url, bindings(emulator.book, "Sheet1"))) == []


def test_a_tab_that_is_missing_is_there_once_it_is_added(emulator: Emulator) -> None:
    asked = bindings(emulator.book, "Sheet1", "Big leads")
    [found] = ill(findings(emulator.url, asked))
    named = re.search(r"add an empty tab named (.+)$", found.steps[0].text)
    assert named is not None
    emulator.api({"addSheet": {"properties": {"title": named[1]}}})
    assert ill(findings(emulator.url, asked)) == []


def test_a_bound_tab_without_its_column_of_marks_is_told_until_that_is_undone(emulator: Emulator) -> None:
    asked = bindings(emulator.book, "Sheet1")
    person = emulator.person()
    person.act("paste", cell="A1", values=[["id", "name"], ["1", "Ann"]])
    assert ill(findings(emulator.url, asked)) == [], "a tab that is not bound yet has no marks"
    sheet_id = 0  # of a new spreadsheet's only tab
    nothing = TopicMark("id", {})
    mark = encode_watermark(Watermark("sheet1", sheet_id, 0, 0, "", nothing, nothing))
    emulator.api(build.create_metadata(7, METADATA_KEY, mark, sheet_id))
    [found] = ill(findings(emulator.url, asked))
    assert (found.check, found.verdict) == ("tab", Verdict.WRONG)
    assert "the column '_sync' of tab 'Sheet1' was deleted" in found.found
    assert found.steps[0].text.startswith("undo that, or restore an earlier version")
    person.act("type", cell="C1", text="_sync")
    assert ill(findings(emulator.url, asked)) == []


def test_several_spreadsheets_are_told_apart(emulator: Emulator) -> None:
    emulator.store.create(new_workbook(other := f"{emulator.book}-other"))
    two = Bindings((), {"crm": emulator.book, "erp": other, "gone": "nowhere"})
    assert [(finding.subject, finding.check) for finding in ill(findings(emulator.url, two))] == [("gone", "spreadsheet")]


def test_a_spreadsheet_that_its_account_may_not_edit_is_looked_at_as_the_next_one_of_the_pool(emulator: Emulator) -> None:
    pool = {name: Token(name) for name in ("one@robots", "two@robots")}
    first, second = preferred(list(pool), emulator.book)
    asked = bindings(emulator.book, "Sheet1")

    def findings_of_pool() -> list[Finding]:
        return list(judge_spreadsheets(ask_google(Settings(sheets_url=emulator.url), pool, asked, SystemClock()).spreadsheets))

    assert ill(findings_of_pool()) == []
    role(emulator, "reader", f"Bearer {first}")
    [found] = ill(findings_of_pool())
    assert (found.verdict, f"{second} does instead" in found.found) == (Verdict.WARNING, True)
    assert f"with {first} as editor" in found.steps[0].text
    role(emulator, "none", f"Bearer {second}")
    [found] = ill(findings_of_pool())
    assert (found.verdict, f"with {first} as editor" in found.steps[0].text) == (Verdict.WRONG, True)


def test_each_key_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    settings = Settings(google_credentials_folder=tmp_path)
    [(found, _)] = read_credentials(settings)
    assert [finding.verdict for finding in judge_credentials(found)] == [Verdict.WRONG]
    key_file(tmp_path, "http://127.0.0.1:1/token")
    (tmp_path / "other.json").write_text("{}")
    keys = [next(judge_credentials(found)).verdict for found, _ in read_credentials(settings)]
    assert sorted(keys) == sorted([Verdict.WARNING, Verdict.WRONG])


def test_google_s_clock_is_seen(emulator: Emulator) -> None:
    ahead = look(emulator.url, bindings(emulator.book)).ahead
    assert ahead is not None
    assert {finding.verdict for finding in clocks.judge(ahead, (-5.0, 5.0))} == {Verdict.OK}


def test_a_quota_that_is_used_up_is_a_warning_and_no_missing_permission(emulator: Emulator) -> None:
    fault = {"status": 429, "method": "get", "spreadsheet_id": emulator.book, "count": 50}
    emulator.http.post("/control/faults", json=fault).raise_for_status()
    [seen] = look(emulator.url, bindings(emulator.book, "Sheet1")).spreadsheets
    emulator.http.delete("/control/faults").raise_for_status()
    assert {finding.verdict for finding in judge_spreadsheets([seen])} == {Verdict.SKIPPED}
    assert judge_quota(refused(seen), 60, 1.0).verdict is Verdict.WARNING
    [seen] = look(emulator.url, bindings(emulator.book, "Sheet1")).spreadsheets
    assert judge_quota(refused(seen), 60, 1.0).verdict is Verdict.OK


def key_file(folder: Path, token_uri: str) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "key file.json"
    path.write_text(json.dumps({"client_email": EMAIL, "token_uri": token_uri, "private_key": key.decode()}))
    return path


def test_a_key_that_everybody_can_read_is_closed_by_the_printed_command(tmp_path: Path) -> None:
    path = key_file(tmp_path, "http://127.0.0.1:1/token")
    path.chmod(0o644)
    settings = Settings(google_credentials_file=path)
    [found] = judge_credentials(read_credentials(settings)[0][0])
    assert found.verdict is Verdict.WARNING
    subprocess.run(found.steps[0].text, shell=True, check=True)
    [found] = judge_credentials(read_credentials(settings)[0][0])
    assert (found.verdict, EMAIL in found.found) == (Verdict.OK, True)


def test_without_a_key_only_a_stand_in_for_google_is_all_right() -> None:
    [found] = judge_credentials(read_credentials(Settings())[0][0])
    assert (found.verdict, found.found) == (Verdict.SKIPPED, "neither TABSTREAM_GOOGLE_CREDENTIALS_FILE nor _FOLDER is set")
    [found] = judge_credentials(read_credentials(Settings(sheets_url="http://127.0.0.1:1"))[0][0])
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize("content", [None, "{}", "no JSON"])
def test_a_key_that_can_t_be_used_is_wrong_and_says_how_to_make_one(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    [found] = judge_credentials(read_credentials(Settings(google_credentials_file=path))[0][0])
    assert found.verdict is Verdict.WRONG
    assert "JSON key of a service account" in found.steps[0].text or "create a key" in found.steps[0].text


def test_a_key_that_google_refuses_is_told_once(tmp_path: Path) -> None:
    google = ScriptedGoogle()
    try:
        google.replies.append(error(400, "invalid_grant"))
        [(_, credentials)] = read_credentials(Settings(google_credentials_file=key_file(tmp_path, f"{google.url}/token")))
        google.replies.append(error(400, "invalid_grant"))
        asked = Bindings((), {"crm": "book", "erp": "other"})
        seen = look(google.url, asked, credentials).spreadsheets
    finally:
        google.close()
    [found] = ill(judge_spreadsheets(seen))
    assert ("Google refuses the credentials" in found.found, "clock is right" in found.steps[0].text) == (True, True)


@pytest.mark.parametrize(
    ("google", "database", "verdicts"),
    [
        ((-400.0, 600.0), (-3.0, 3.0), ["ok", "ok"]),
        ((1_500.0, 2_500.0), (1_990.0, 2_010.0), ["warning", "warning"]),
        ((-400.0, 600.0), (-70_000.0, -69_990.0), ["ok", "wrong"]),
        ((-90_000.0, -89_000.0), None, ["wrong", "not looked at"]),
        (None, (0.0, 1.0), ["not looked at", "ok"]),
    ],
)
def test_clocks(google: clocks.Ahead | None, database: clocks.Ahead | None, verdicts: list[str]) -> None:
    assert [finding.verdict.value for finding in clocks.judge(google, database)] == verdicts


def test_the_clock_that_is_off_is_the_one_to_set() -> None:
    mine, theirs = clocks.judge((-90_000.0, -89_000.0), (-90_000.0, -89_990.0))
    assert "this machine is 89 s ahead of Google" in mine.found
    assert {step.how for step in (*mine.steps, *theirs.steps)} == {How.SHELL}
    _, theirs = clocks.judge((-10.0, 900.0), (70_000.0, 70_010.0))
    assert "the database is 70 s ahead of this machine" in theirs.found
    assert theirs.steps[0].how is How.HAND
