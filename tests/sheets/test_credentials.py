"""A wrong key file refuses the start, and is not quoted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tabstream.clock import SystemClock
from tabstream.errors import ConfigurationError
from tabstream.sheets.client import SheetsClient
from tabstream.sheets.credentials import load_credentials
from tabstream.sheets.errors import PermissionLost
from tabstream.sheets.pacing import policy_of
from tabstream.sheets.quota import Quota
from tests.sheets.scripted_google import Reply, ScriptedGoogle, error

EMAIL = "robot@example.iam.gserviceaccount.com"


def test_a_missing_file_is_named_bad(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TABSTREAM_GOOGLE_CREDENTIALS_FILE"):
        load_credentials(tmp_path / "key.json")


@pytest.mark.parametrize("content", ["", "{}", '{"private_key": "s3cret", "client_email": "a@b"}', "[]", "null"])
def test_a_file_that_is_no_key_is_refused_without_its_content_bad(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="is not the JSON key of a service account") as caught:
        load_credentials(path)
    assert "s3cret" not in str(caught.value)


@pytest.fixture
def google() -> Iterator[ScriptedGoogle]:
    server = ScriptedGoogle()
    yield server
    server.close()


@pytest.fixture
def client(google: ScriptedGoogle, tmp_path: Path) -> Iterator[SheetsClient]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "key.json"
    path.write_text(json.dumps({"client_email": EMAIL, "token_uri": f"{google.url}/token", "private_key": key.decode()}))
    made = SheetsClient(load_credentials(path), google.url, Quota(policy_of(60), SystemClock()), SystemClock())
    yield made
    made.close()


def test_calls_carry_the_accounts_token(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply({"access_token": "t0ken", "expires_in": 3600}, headers={"Content-Type": "application/json"}))
    client.get("1AbC", fields="spreadsheetId")
    client.get("1AbC", fields="spreadsheetId")
    assert [call.path for call in google.calls] == ["/token", "/v4/spreadsheets/1AbC", "/v4/spreadsheets/1AbC"]
    assert google.calls[2].headers["authorization"] == "Bearer t0ken"


def test_a_refused_key_is_a_lost_permission(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies.append(Reply({"error": "invalid_grant"}, status=400))
    with pytest.raises(PermissionLost, match="Google refuses the credentials"):
        client.get("1AbC", fields="spreadsheetId")


def test_the_remedy_names_the_account(google: ScriptedGoogle, client: SheetsClient) -> None:
    google.replies += [Reply({"access_token": "t0ken", "expires_in": 3600}), error(403, "no")]
    with pytest.raises(PermissionLost, match=f"share the spreadsheet with {EMAIL} as editor"):
        client.get("1AbC", fields="spreadsheetId")
