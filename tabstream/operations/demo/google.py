"""A plain Google client for the demo: nothing of the sheet sink's."""

from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

TAB = "Leads"
ZONE = "Europe/Berlin"
_TITLE = "Leads (demo)"


def service(sheets_url: str) -> Any:
    """The Sheets service at an address; one for each thread, it is not to be shared."""
    return build(
        "sheets",
        "v4",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": sheets_url},
        static_discovery=True,
        cache_discovery=False,
    )


def create_spreadsheet(sheets_url: str) -> str:
    """Makes a spreadsheet with an empty tab; its id."""
    body = {
        "properties": {"title": _TITLE, "locale": "en_US", "timeZone": ZONE},
        "sheets": [{"properties": {"title": TAB, "gridProperties": {"rowCount": 200, "columnCount": 14}}}],
    }
    with service(sheets_url) as sheets:
        return str(sheets.spreadsheets().create(body=body, fields="spreadsheetId").execute()["spreadsheetId"])
