"""A server of a few lines that answers as it is told, or drops the connection."""

import json
import threading
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DATE_MS = 1_700_000_000_000


@dataclass
class Reply:
    """One answer. `drop` closes the connection instead, `leave` closes it afterwards, `hang` waits until released."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    leave: bool = False
    hang: threading.Event | None = None


def error(status: int, message: str, **headers: str) -> Reply:
    """An error in Google's shape."""
    return Reply({"error": {"code": status, "message": message}}, status, headers)


@dataclass(frozen=True)
class Call:
    """What arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class ScriptedGoogle:
    """Answers with `replies` in turn, then with `{}`; `calls` is what arrived."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.calls: list[Call] = []
        self.left = threading.Event()
        google = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one write: two cost a delayed acknowledgement

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                form = self.headers["Content-Type"] == "application/x-www-form-urlencoded"
                self._answer(parse_qs(content.decode()) if form else json.loads(content))

            def _answer(self, body: Any) -> None:
                address = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                google.calls.append(Call(self.command, address.path, parse_qs(address.query), headers, body))
                reply = google.replies.pop(0) if google.replies else Reply()
                if reply.hang is not None:
                    reply.hang.wait(30)
                self.close_connection = reply.drop or reply.leave
                if not reply.drop:
                    self._send(reply)

            def _send(self, reply: Reply) -> None:
                data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response_only(reply.status)
                for name, value in {"Date": formatdate(DATE_MS / 1000, usegmt=True), **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def finish(self) -> None:
                super().finish()
                google.left.set()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
