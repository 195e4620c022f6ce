"""The emulator as a server of its own, a person at it, and a receiver of what the script POSTs."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from sheets_emulator.model.workbook import new_workbook
from sheets_emulator.script.scripts import Scripts
from sheets_emulator.script.settings import Settings as PersonSettings
from sheets_emulator.server.app import application
from sheets_emulator.server.control import Control, Settings
from sheets_emulator.server.serving import http_server
from sheets_emulator.store.journal import Journal
from sheets_emulator.store.store import Store

SECRET = "a secret with ümlaut"
DEADLINE_SECONDS = 20.0


class Emulator:
    """A running server. `url` is its address, `book` the id of the spreadsheet that the test is about."""

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.url = url
        self.book = "book"
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def new_book(self) -> None:
        """Goes on with a new spreadsheet, and with the settings that a server has at first."""
        self.book = f"book-{len(self.store.ids())}"
        self.store.create(new_workbook(self.book))
        self.person().settings(**PersonSettings().model_dump())

    def person(self, tab: str = "Sheet1") -> "Person":
        return Person(self.http, self.book, tab)

    def api(self, *requests: Mapping[str, Any]) -> None:
        """A batchUpdate, as the sheet sink would send it."""
        answer = self.http.post(f"/v4/spreadsheets/{self.book}:batchUpdate", json={"requests": requests})
        assert answer.status_code == 200, answer.text


class Person:
    """Acts in one tab; answers are checked."""

    def __init__(self, http: httpx.Client, spreadsheet_id: str, tab: str) -> None:
        self._http = http
        self._book = f"/person/v1/spreadsheets/{spreadsheet_id}"
        self._tab = f"{self._book}/tabs/{quote(tab, safe='')}"

    def act(self, action: str, **body: Any) -> int:
        return int(_checked(self._http.post(f"{self._tab}/{action}", json=body))["version"])

    def refused(self, action: str, **body: Any) -> tuple[int, str]:
        answer = self._http.post(f"{self._tab}/{action}", json=body)
        return answer.status_code, answer.json()["reason"]

    def undo(self) -> None:
        _checked(self._http.post(f"{self._book}/undo"))

    def redo(self) -> None:
        _checked(self._http.post(f"{self._book}/redo"))

    def grid(self) -> dict[str, Any]:
        found: dict[str, Any] = _checked(self._http.get(f"{self._tab}/grid"))
        return found

    def rows(self) -> list[list[str]]:
        found: list[list[str]] = self.grid()["rows"]
        return found

    def column(self, letter: str) -> list[str]:
        return [row["ABCDEFGH".index(letter)] for row in self.rows()]

    def settings(self, **changes: Any) -> None:
        _checked(self._http.put("/person/v1/settings", json=changes))

    def put_script(self, source: str, manifest: str = "{}") -> None:
        put = {"files": {"Code.gs": source, "appsscript.json": manifest}}
        _checked(self._http.put(f"{self._book}/script", json=put))

    def put_own_script(self, producer_url: str) -> None:
        """Stores the script that users deploy, and installs it."""
        folder = files("sheet_producer").joinpath("apps_script")
        names = ("Code.gs", "appsscript.json")
        put = {"files": {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}}
        _checked(self._http.put(f"{self._book}/script", json=put))
        self.run("install", producer_url, SECRET)

    def run(self, function: str, *arguments: Any) -> Any:
        body = {"function": function, "arguments": arguments}
        return _checked(self._http.post(f"{self._book}/script/run", json=body))["result"]

    def evaluate(self, expression: str) -> Any:
        """What an expression of Apps Script gives."""
        self.put_script(f"function evaluated() {{ return {expression}; }}")
        return self.run("evaluated")

    def script(self) -> dict[str, Any]:
        found: dict[str, Any] = _checked(self._http.get(f"{self._book}/script"))
        return found

    def executions(self) -> dict[str, Any]:
        found: dict[str, Any] = _checked(self._http.get(f"{self._book}/script/executions"))
        return found

    def idle(self) -> dict[str, Any]:
        """The log of executions once nothing is left to run."""
        return until(lambda: None if (found := self.executions())["waiting"] else found)


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives as soon as it is not None."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
    return found


class Receiver:
    """Takes POSTs at `url`. `answers` are the status codes to give next; 200 when they are used up."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken: list[tuple[Mapping[str, str], bytes]] = []
        self._changed = threading.Condition()
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver._take(dict(self.headers), body)
                receiver.hold.wait(DEADLINE_SECONDS)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def posts(self, number: int) -> list[dict[str, Any]]:
        """The first posts, once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.taken) >= number, DEADLINE_SECONDS), "no POST came"
            return [json.loads(body) for _, body in self.taken]

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, headers: Mapping[str, str], body: bytes) -> None:
        with self._changed:
            self.taken.append((headers, body))
            self._changed.notify_all()


@contextmanager
def running(data: Path | None = None) -> Iterator[Emulator]:
    """The emulator with a spreadsheet `book`, quotas off; its data stay in the file `data`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    store = Store(Journal(data), lambda: time.time_ns() // 1_000_000)
    if "book" not in store.ids():
        store.create(new_workbook("book"))
    app = application(store, Control(Settings(quotas=False)), Scripts(store, url))
    server = http_server(app, "127.0.0.1", port, "error", grace_seconds=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    emulator = Emulator(store, url)
    try:
        until(lambda: True if server.started else None)
        yield emulator
    finally:
        emulator.http.close()
        server.should_exit = True
        thread.join()


def _checked(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()
