"""UrlFetchApp, and the advanced Sheets service: real HTTP, from the script's thread.

https://developers.google.com/apps-script/reference/url-fetch/url-fetch-app
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

from sheets_emulator.model.values import Json
from sheets_emulator.script.errors import ScriptError
from sheets_emulator.script.utilities import raw, signed

_FETCH_SECONDS = 60.0
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SHOWN_CHARACTERS = 200


class Web:
    """Requests of one spreadsheet server's scripts. Thread-safe; `base_url` is the server's own address."""

    def __init__(self, base_url: str) -> None:
        self._sheets_url = f"{base_url.rstrip('/')}/v4/spreadsheets"
        # What a script calls here are neighbours on this machine: no proxy stands between.
        self._http = httpx.Client(timeout=_FETCH_SECONDS, trust_env=False)

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def fetch(self, url: str, options: Mapping[str, Any]) -> Json:
        """UrlFetchApp.fetch."""
        method = options["method"]
        if method not in _METHODS:
            raise ScriptError(f"Attribute provided with invalid value: method ({method})")
        headers = {str(name): str(value) for name, value in options["headers"].items()}
        body, content_type = _payload(options["payload"], options["contentType"])
        if content_type and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = content_type
        headers.setdefault("User-Agent", "Mozilla/5.0 (compatible; Google-Apps-Script)")
        try:
            answer = self._http.request(
                method, url, headers=headers, content=body, follow_redirects=options["followRedirects"]
            )
        except httpx.TimeoutException:
            raise ScriptError(f"Timeout: {url}") from None
        except httpx.UnsupportedProtocol:
            raise ScriptError(f"Invalid argument: {url}") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise ScriptError(f"Address unavailable: {url}") from None
        if answer.status_code >= 400 and not options["muteHttpExceptions"]:
            shown = answer.text[:_SHOWN_CHARACTERS]
            raise ScriptError(
                f"Request failed for {url} returned code {answer.status_code}. Truncated server response: {shown} "
                "(use muteHttpExceptions option to examine full response)"
            )
        return _response(answer)

    def sheets(self, person: str, method: str, verb: str, path: str, options: Json, body: Json | None) -> Any:
        """A call of the advanced Sheets service on behalf of a person."""
        query = urlencode({**{name: _text(value) for name, value in options.items()}, "quotaUser": person}, doseq=True)
        try:
            answer = self._http.request(verb, f"{self._sheets_url}{path}?{query}", json=body)
        except httpx.HTTPError as problem:
            raise ScriptError(f"API call to sheets.spreadsheets.{method} failed with error: {problem}") from None
        if answer.is_error:
            message = f"API call to sheets.spreadsheets.{method} failed with error: {_reason(answer)}"
            raise ScriptError(message, "GoogleJsonResponseException")
        return answer.json()


def _payload(payload: Any, content_type: str | None) -> tuple[bytes | None, str | None]:
    if payload is None:
        return None, content_type
    if isinstance(payload, dict):
        return urlencode(payload).encode(), content_type or "application/x-www-form-urlencoded"
    return raw(payload), content_type or "application/x-www-form-urlencoded"


def _response(answer: httpx.Response) -> Json:
    headers = {_title(name): value for name, value in answer.headers.items()}
    every = {name: answer.headers.get_list(name) for name in answer.headers}
    return {
        "code": answer.status_code,
        "text": answer.text,
        "bytes": signed(answer.content),
        "headers": headers,
        "allHeaders": {_title(name): values if len(values) > 1 else values[0] for name, values in every.items()},
    }


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_text(item) for item in value] if isinstance(value, list) else value


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:_SHOWN_CHARACTERS]}"
