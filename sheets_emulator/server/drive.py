"""What is used of the Drive API: a file's version, and removing it.

https://developers.google.com/workspace/drive/api/reference/rest/v3/files
"""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sheets_emulator.fields import BadMask, parse, select
from sheets_emulator.server.answers import Failure, answer, refusal
from sheets_emulator.server.control import Control
from sheets_emulator.store.store import NoSpreadsheet, Store

_DEFAULT = "kind,id,name,mimeType"


def drive_routes(store: Store, control: Control) -> list[Route]:
    """files.get and files.delete."""

    def file(request: Request) -> Response:
        spreadsheet_id = request.path_params["id"]
        role = control.role(spreadsheet_id, request.headers.get("authorization", "anonymous"))
        try:
            if role == "none":
                raise NoSpreadsheet(spreadsheet_id)
            if request.method == "DELETE":
                if role == "reader":
                    raise Failure(403, "The user does not have sufficient permissions for this file.")
                store.remove(spreadsheet_id)
                return Response(status_code=204)
            workbook = store.read(spreadsheet_id)
            found = {
                "kind": "drive#file",
                "id": workbook.id,
                "name": workbook.title,
                "mimeType": "application/vnd.google-apps.spreadsheet",
                "version": str(workbook.version),
                "createdTime": _time(store.created_ms(spreadsheet_id)),
                "modifiedTime": _time(store.modified_ms(spreadsheet_id)),
                "trashed": False,
                "capabilities": {"canEdit": role == "writer"},
            }
            return answer(select(found, parse(request.query_params.get("fields") or _DEFAULT)))
        except Failure as failure:
            return refusal(failure)
        except NoSpreadsheet:
            return refusal(Failure(404, f"File not found: {spreadsheet_id}."))
        except BadMask as bad:
            return refusal(Failure(400, f"Invalid field selection {bad}"))

    return [Route("/files/{id}", file, methods=["GET", "DELETE"])]


def _time(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
