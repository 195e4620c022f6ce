"""Several accounts: which serves a spreadsheet, and which is passed over."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import AnonymousCredentials

from tabstream.clock import SystemClock
from tabstream.config import Settings
from tabstream.errors import ConfigurationError
from tabstream.sheets.accounts import Account, Accounts, load_accounts, preferred
from tabstream.sheets.errors import PermissionLost
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.pooled import PooledClient
from tabstream.sheets.quota import CallKind, Quota
from tests.sheets.scripted_google import Reply, ScriptedGoogle, error

NAMES = ["a@x", "b@x", "c@x"]
FIRST, SECOND, THIRD = preferred(NAMES, "s")


def test_every_process_prefers_the_same_account_and_each_serves_some() -> None:
    ids = [f"spreadsheet-{n}" for n in range(300)]
    first = {i: preferred(NAMES, i)[0] for i in ids}
    assert first == {i: preferred(NAMES[::-1], i)[0] for i in ids}
    assert all(count > 60 for count in Counter(first.values()).values())


def test_an_account_that_is_taken_away_moves_only_its_own_spreadsheets() -> None:
    for spreadsheet in (f"spreadsheet-{n}" for n in range(50)):
        before = preferred(NAMES, spreadsheet)
        assert preferred(NAMES[:2], spreadsheet) == [name for name in before if name != "c@x"]


@pytest.fixture(scope="module")
def key() -> str:
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, format_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return made.private_bytes(encoding, format_, serialization.NoEncryption()).decode()


def write_key(path: Path, name: str, key: str) -> None:
    path.write_text(json.dumps({"client_email": name, "token_uri": "https://token.example", "private_key": key}))


def test_a_folder_of_keys_is_a_pool_beside_the_single_file(tmp_path: Path, key: str) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("b@x", "a@x"):
        write_key(folder / f"{name}.json", name, key)
    write_key(tmp_path / "one.json", "c@x", key)
    settings = Settings(google_credentials_folder=folder, google_credentials_file=tmp_path / "one.json")
    accounts = load_accounts(settings, SystemClock())
    assert [account.name for account in accounts.all] == ["c@x", "a@x", "b@x"]
    assert [account.name for account in accounts.for_spreadsheet("s")] == preferred(NAMES, "s")


def test_two_keys_of_one_account_are_refused_bad(tmp_path: Path, key: str) -> None:
    for number in (1, 2):
        write_key(tmp_path / f"{number}.json", "a@x", key)
    with pytest.raises(ConfigurationError, match=r"2\.json' is another key of 'a@x'"):
        load_accounts(Settings(google_credentials_folder=tmp_path), SystemClock())


def test_a_folder_without_keys_and_no_key_at_all_are_refused_bad(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"CREDENTIALS_FOLDER names .* no \*\.json"):
        load_accounts(Settings(google_credentials_folder=tmp_path), SystemClock())
    with pytest.raises(ConfigurationError, match="CREDENTIALS_FILE is not set"):
        load_accounts(Settings(), SystemClock())


@pytest.fixture
def google() -> Iterator[ScriptedGoogle]:
    server = ScriptedGoogle()
    yield server
    server.close()


@pytest.fixture
def client(google: ScriptedGoogle) -> Iterator[PooledClient]:
    clock = SystemClock()
    accounts = Accounts(tuple(Account(name, AnonymousCredentials(), Quota(policy_of(60), clock, name)) for name in NAMES))
    made = PooledClient(accounts, google.url, clock, spreadsheet_id="s")
    yield made
    made.close()


def test_an_account_without_access_is_passed_over_and_the_next_one_stays(google: ScriptedGoogle, client: PooledClient) -> None:
    google.replies += [error(403, "no"), error(404, "not there"), Reply({"spreadsheetId": "s"})]
    with client.budget(reads=1, writes=1):
        assert client.get("s", fields="spreadsheetId").body == {"spreadsheetId": "s"}
        client.batch_update("s", [])
    assert client.account_of("s").name == THIRD
    quotas = {account.name: account.quota for account in client._accounts.all}
    used = [(quotas[name].used(CallKind.READ), quotas[name].used(CallKind.WRITE)) for name in (FIRST, SECOND, THIRD)]
    assert used == [(1, 0), (1, 0), (1, 1)]


def test_one_that_may_only_read_is_passed_over_at_its_first_write(google: ScriptedGoogle, client: PooledClient) -> None:
    google.replies += [Reply({}), error(403, "may only read")]
    client.get("s", fields="spreadsheetId")
    client.batch_update("s", [])
    assert client.account_of("s").name == SECOND


def test_where_no_account_has_access_all_are_named_bad(google: ScriptedGoogle, client: PooledClient) -> None:
    google.replies += [error(403, "no")] * 3
    with pytest.raises(PermissionLost, match="nor has any other of 3 accounts") as caught:
        client.get("s", fields="spreadsheetId")
    assert "a@x, b@x, c@x" in caught.value.remedy
    assert client.account_of("s").name == FIRST


def test_drive_s_refusal_moves_nothing(google: ScriptedGoogle, client: PooledClient) -> None:
    google.replies.append(error(403, "no"))
    with pytest.raises(PermissionLost):
        client.drive_version("s")
    assert client.account_of("s").name == FIRST


def test_each_spreadsheet_keeps_its_own_account(google: ScriptedGoogle, client: PooledClient) -> None:
    other = next(f"other-{n}" for n in range(100) if preferred(NAMES, f"other-{n}")[0] == THIRD)
    google.replies.append(error(403, "no"))
    for spreadsheet in ("s", other, "s"):
        client.get(spreadsheet, fields="spreadsheetId")
    assert [client.account_of(name).name for name in ("s", other)] == [SECOND, THIRD]
    used = {account.name: account.quota.used(CallKind.READ) for account in client._accounts.all}
    assert used == {FIRST: 1, SECOND: 2, THIRD: 1}
