from typing import Any

import pytest

from tests.sheets_emulator.running import Emulator, Person, Receiver


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # RFC 4231, test case 2; the two below are `openssl dgst -sha256 -hmac k` of `?` and of the UTF-8 bytes of `ü`.
        ("Utilities.computeHmacSha256Signature('what do ya want for nothing?', 'Jefe').slice(0, 4)", [91, -36, -63, 70]),
        ("Utilities.computeHmacSha256Signature('ü', 'k').slice(0, 4)", [89, 96, -42, 19]),
        ("Utilities.computeHmacSha256Signature('ü', 'k', Utilities.Charset.UTF_8).slice(0, 4)", [-71, 101, 68, 14]),
        ("Utilities.base64Encode('hü')", "aMO8"),
        ("Utilities.base64Encode([-1, 0])", "/wA="),
        ("Utilities.base64Decode('/wA=')", [-1, 0]),
        ("Utilities.newBlob('hü').getBytes()", [104, -61, -68]),
        ("Utilities.newBlob([104, -61, -68]).getDataAsString()", "hü"),
        ("Utilities.computeDigest(Utilities.DigestAlgorithm.MD5, 'a')[0]", 12),
        (
            "Utilities.formatDate(new Date(0), 'Europe/Berlin', \"yyyy-MM-dd'T'HH:mm:ss.SSSXXX\")",
            "1970-01-01T01:00:00.000+01:00",
        ),
        ("Utilities.formatDate(new Date(0), 'Etc/GMT', 'EEE d MMM yy h a')", "Thu 1 Jan 70 12 AM"),
        ("Utilities.getUuid().length", 36),
        ("Session.getActiveUser().getEmail()", "person@example.com"),
        ("LockService.getScriptLock().tryLock(10)", True),
        ("SpreadsheetApp.getActive().getSheets()[0].getName()", "Sheet1"),
        ("SpreadsheetApp.getActive().getSheetByName('nope')", None),
        ("SpreadsheetApp.getActiveSheet().getRange(2, 3, 4, 2).getA1Notation()", "C2:D5"),
        ("SpreadsheetApp.getActiveSheet().getRange('B2').offset(1, 1).getA1Notation()", "C3"),
        ("typeof Sheets", "undefined"),
        ("Promise.resolve(7)", 7),
    ],
)
def test_services_answer_as_google_does(person: Person, expression: str, expected: Any) -> None:
    assert person.evaluate(expression) == expected


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("nope()", "ReferenceError: 'nope' is not defined"),
        ("SpreadsheetApp.getActiveSheet().getRange(0, 1)", "The coordinates of the range are outside"),
        ("SpreadsheetApp.getActive().getRange('Nope!A1')", "Range not found: Nope!A1"),
        ("SpreadsheetApp.openById('nope')", "Requested entity was not found."),
        ("UrlFetchApp.fetch('http://127.0.0.1:9/')", "Address unavailable: http://127.0.0.1:9/"),
        ("PropertiesService.getScriptProperties().setProperty('a', 'x'.repeat(9217))", "Argument too large: value"),
        ("Utilities.formatDate(new Date(0), 'Nope/Nowhere', 'yyyy')", "Invalid argument: timeZone"),
        ("Utilities.base64Decode('a')", "Could not decode string."),
    ],
)
def test_services_refuse_as_google_does_bad(emulator: Emulator, person: Person, expression: str, problem: str) -> None:
    person.put_script(f"function evaluated() {{ return {expression}; }}")
    answer = emulator.http.post(f"/person/v1/spreadsheets/{emulator.book}/script/run", json={"function": "evaluated"})
    assert answer.status_code == 422
    assert problem in answer.json()["reason"]
    assert person.executions()["executions"][-1]["status"] == "failed"


def test_values_are_read_and_written_as_the_sheet_has_them(emulator: Emulator, person: Person) -> None:
    emulator.api({"updateSpreadsheetProperties": {"properties": {"timeZone": "Europe/Berlin"}, "fields": "timeZone"}})
    person.act("paste", cell="A1", values=[["2025-07-01", "=1+1", "TRUE", "text", ""]])
    range_ = "SpreadsheetApp.getActiveSheet().getRange('A1:E1')"
    assert person.evaluate(f"{range_}.getValues()") == [["2025-06-30T22:00:00.000Z", 2, True, "text", ""]]
    assert person.evaluate(f"{range_}.getFormulas()[0][1]") == "=1+1"
    person.evaluate(f"{range_}.setValues([[new Date(Date.UTC(2025, 0, 1)), '=2+2', false, '5', null]]) && null")
    assert person.rows() == [["2025-01-01", "4", "FALSE", "5"]]


def test_what_a_script_writes_fires_nothing(person: Person) -> None:
    person.put_script("""
        function install() { ScriptApp.newTrigger('edited').forSpreadsheet(SpreadsheetApp.getActive()).onEdit().create(); }
        function edited(e) { SpreadsheetApp.getActiveSheet().getRange('B1').setValue('seen ' + e.value); }
    """)
    person.run("install")
    person.act("type", cell="A1", text="x")
    log = person.idle()["executions"]
    assert [entry["function"] for entry in log] == ["install", "edited"]
    assert person.rows() == [["x", "seen x"]]


def test_the_advanced_service_asks_the_rest_api_as_the_person(emulator: Emulator, person: Person) -> None:
    person.act("type", cell="A1", text="5")
    manifest = '{"dependencies": {"enabledAdvancedServices": [{"userSymbol": "S", "serviceId": "sheets", "version": "v4"}]}}'
    person.put_script(
        """
        function read(id) { return S.Spreadsheets.Values.get(id, 'A1:B2', {valueRenderOption: 'UNFORMATTED_VALUE'}).values; }
        function write(id) {
          S.Spreadsheets.Values.update({values: [['=A1+1']]}, id, 'B1', {valueInputOption: 'USER_ENTERED'});
        }
        function fail(id) {
          try { S.Spreadsheets.get(id, {ranges: ['Nope!A1']}); } catch (error) { return error.name + ': ' + error.message; }
        }
        """,
        manifest,
    )
    person.settings(person="ada@example.com")
    assert person.run("read", emulator.book) == [[5]]
    person.run("write", emulator.book)
    assert person.rows() == [["5", "6"]]
    assert person.run("fail", emulator.book) == (
        "GoogleJsonResponseException: API call to sheets.spreadsheets.get failed with error: Unable to parse range: Nope!A1"
    )
    calls = emulator.http.get("/control/calls").json()["calls"]
    assert {call["user"] for call in calls if call["spreadsheet_id"] == emulator.book} == {"ada@example.com"}


def test_a_manifest_grants_no_more_than_its_scopes(person: Person, receiver: Receiver) -> None:
    scopes = '{"oauthScopes": ["https://www.googleapis.com/auth/spreadsheets.currentonly"]}'
    source = f"""function evaluated() {{
        try {{ UrlFetchApp.fetch('{receiver.url}', {{method: 'post', payload: 'x'}}); }}
        catch (error) {{ return error.message; }}
    }}"""
    person.put_script(source, scopes)
    assert "script.external_request" in person.run("evaluated")
    assert receiver.taken == []


def test_a_fetch_is_real_http_with_mute_and_without(person: Person, receiver: Receiver) -> None:
    receiver.answers = [418, 503]
    options = "{method: 'post', payload: JSON.stringify({a: 'ü'}), contentType: 'application/json', headers: {X: '1'}"
    fetch = f"UrlFetchApp.fetch('{receiver.url}/p', {options}"
    assert person.evaluate(f"{fetch}, muteHttpExceptions: true}}).getResponseCode()") == 418
    failing = f"(function () {{ try {{ {fetch}}}) }} catch (error) {{ return error.message }} }})()"
    assert "returned code 503" in person.evaluate(failing)
    headers, body = receiver.taken[0]
    assert (headers["X"], headers["Content-Type"], body) == ("1", "application/json", '{"a":"ü"}'.encode())


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"Code.gs": "function ("}, "Code.gs: SyntaxError"),
        ({"Code.gs": "", "appsscript.json": "{"}, "appsscript.json is not valid JSON"),
        ({"virus.exe": ""}, "'virus.exe' is no file of a script"),
        ({}, "body.files"),
    ],
)
def test_files_that_are_no_script_are_refused_bad(emulator: Emulator, files: dict[str, str], problem: str) -> None:
    answer = emulator.http.put(f"/person/v1/spreadsheets/{emulator.book}/script", json={"files": files})
    assert answer.status_code == 400
    assert problem in answer.json()["reason"]


def test_no_variable_outlives_its_execution(person: Person) -> None:
    person.put_script("var count = 0; function next() { return ++count; }")
    assert [person.run("next"), person.run("next")] == [1, 1]
