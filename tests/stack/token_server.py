"""Google's token service, as far as service accounts need it: who asks is who gets the token."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class TokenServer:
    """The stand-in for Google counts quotas for `user` of an account's name."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                claims = form["assertion"][0].split(".")[1]
                name = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
                answer = json.dumps({"access_token": name, "expires_in": 3600, "token_type": "Bearer"}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def write_key(self, path: Path, name: str) -> None:
        """Writes the JSON key of a service account that gets its tokens here."""
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key = made.private_bytes(encoding, form, serialization.NoEncryption()).decode()
        uri = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        path.write_text(json.dumps({"client_email": name, "token_uri": uri, "private_key": key}))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def user(name: str) -> str:
    """How the stand-in for Google names the account in its log."""
    return f"Bearer {name}"
