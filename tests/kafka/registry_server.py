"""A schema registry of a few lines, over real HTTP, whose answers a test can spoil."""

import base64
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_NO_RULE = 404, {"error_code": 40408, "message": "Subject has no compatibility level"}
_REFUSED = 409, {"error_code": 409, "message": "incompatible"}
_NO_SCHEMA = 404, {"error_code": 40403, "message": "Schema not found"}


class RegistryServer:
    """Speaks what the clients use of the Confluent API. `fault` replaces every answer by this status and body."""

    def __init__(self, tls: ssl.SSLContext | None = None, user: str | None = None) -> None:
        self._scheme = "http" if tls is None else "https"
        wanted = None if user is None else f"Basic {base64.b64encode(user.encode()).decode()}"
        self.schemas: list[str] = []
        self.subjects: dict[str, list[int]] = {}
        self.compatibility: dict[str, str] = {}
        self.requests: list[str] = []
        self.fault: tuple[int, Any] | None = None
        self.refuse = False
        self.kinds: dict[int, str] = {}
        self.native: dict[tuple[str, int], Any] = {}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            do_PUT = do_POST  # noqa: N815 (the base class's naming)

            def _answer(self, body: Any) -> None:
                registry.requests.append(f"{self.command} {self.path.partition('?')[0]}")
                refused = (401, {"error_code": 401, "message": "who are you"}) if wanted and not self._is(wanted) else None
                status, answer = refused or registry.fault or registry.handle(self.command, self.path.partition("?")[0], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _is(self, wanted: str) -> bool:
                return self.headers.get("Authorization") == wanted

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    def add(self, subject: str, schema: Any) -> int:
        text = json.dumps(schema)
        if text not in self.schemas:
            self.schemas.append(text)
        schema_id = self.schemas.index(text) + 1
        if schema_id not in self.subjects.setdefault(subject, []):
            self.subjects[subject].append(schema_id)
        return schema_id

    def add_text(self, text: str, kind: str) -> int:
        """A schema of another kind than Avro; its id."""
        self.schemas.append(text)
        self.subjects.setdefault("s", []).append(len(self.schemas))
        self.kinds[len(self.schemas)] = kind
        return len(self.schemas)

    def handle(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        parts = path.removeprefix("/apis/ccompat/v7").strip("/").split("/")
        if parts == ["subjects"]:
            return 200, list(self.subjects)
        if "ids" in parts:
            return self._native(parts[4], int(parts[5])) if parts[0] == "apis" else self._by_id(int(parts[2]))
        if parts[0] == "config":
            return self._rule(parts[1], body)
        if parts[0] == "compatibility":
            return 200, {"is_compatible": not self.refuse}
        if method == "GET" or len(parts) == 2:
            return self._versions(parts[1], parts[3:], body)
        return _REFUSED if self.refuse else (200, {"id": self.add(parts[1], json.loads(body["schema"]))})

    def _rule(self, subject: str, body: Any) -> tuple[int, Any]:
        if body is not None:
            self.compatibility[subject] = body["compatibility"]
            return 200, body
        known = self.compatibility.get(subject)
        return (200, {"compatibilityLevel": known}) if known else _NO_RULE

    def _versions(self, subject: str, wanted: list[str], body: Any) -> tuple[int, Any]:
        ids = self.subjects.get(subject, [])
        if not ids:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        if body is not None:
            schema_id = next((i for i in ids if json.loads(self.schemas[i - 1]) == json.loads(body["schema"])), None)
            return (200, self._version(subject, ids.index(schema_id))) if schema_id else _NO_SCHEMA
        if not wanted:
            return 200, list(range(1, len(ids) + 1))
        return (200, self._version(subject, int(wanted[0]) - 1)) if int(wanted[0]) <= len(ids) else _NO_SCHEMA

    def _version(self, subject: str, at: int) -> dict[str, Any]:
        schema_id = self.subjects[subject][at]
        return {"subject": subject, "version": at + 1, "id": schema_id, "schema": self.schemas[schema_id - 1]}

    def _by_id(self, number: int) -> tuple[int, Any]:
        if number <= len(self.schemas):
            return 200, {"schema": self.schemas[number - 1], "schemaType": self.kinds.get(number, "AVRO")}
        return _NO_SCHEMA

    def _native(self, kind: str, number: int) -> tuple[int, Any]:
        """Apicurio's own API: both kinds of ids are the same here, unless a test has told otherwise."""
        if (kind, number) in self.native:
            return 200, self.native[kind, number]
        if not self.native and number <= len(self.schemas):
            return 200, json.loads(self.schemas[number - 1])
        return 404, {"error_code": 404}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
