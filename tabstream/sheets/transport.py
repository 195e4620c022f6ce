"""One HTTP connection to Google, which never sends a request twice on its own.

httplib2 sends a request again when a kept connection turns out to be closed, and may take the late answer of a
timed-out request for that of the next one. Both would make a write's outcome unknowable, so connections here are
dropped after any error, a closed one is noticed before sending, and a failure says whether the request can have left.
"""

import http.client
import select
import socket
from typing import Any

import httplib2


class NotSent(ConnectionError):
    """No connection came about: nothing was sent."""


class _Once:
    """What both connection classes do differently from httplib2's."""

    sock: socket.socket | None

    def connect(self) -> None:
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, httplib2.HttpLib2Error) as error:
            raise NotSent(f"no connection to {getattr(self, 'host', '')}: {error}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None and _closed_by_peer(self.sock):
            self.close()  # type: ignore[attr-defined]
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self) -> http.client.HTTPResponse:
        try:
            response: http.client.HTTPResponse = super().getresponse()  # type: ignore[misc]
        except (http.client.BadStatusLine, http.client.ResponseNotReady) as error:
            # httplib2 sends the request again on these two
            raise ConnectionResetError(f"connection closed without an answer: {error!r}") from error
        return response


class _PlainConnection(_Once, httplib2.HTTPConnectionWithTimeout):  # type: ignore[misc]
    """http://, for a stand-in on the same machine."""


class _SecureConnection(_Once, httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    """https://"""


class Transport(httplib2.Http):  # type: ignore[misc]
    """An httplib2.Http for one thread. Raises NotSent where nothing was sent, else what httplib2 raises."""

    def __init__(self, timeout_seconds: float) -> None:
        # rows of a sheet compress beyond httplib2's limit against hostile servers
        super().__init__(timeout=timeout_seconds, decode_limit_ratio=0)

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        redirections: int = httplib2.DEFAULT_MAX_REDIRECTS,
        connection_type: type | None = None,
    ) -> tuple[httplib2.Response, bytes]:
        """See httplib2.Http.request."""
        chosen = connection_type or (_PlainConnection if uri.startswith("http:") else _SecureConnection)
        try:
            answer: tuple[httplib2.Response, bytes] = super().request(uri, method, body, headers, redirections, chosen)
        except BaseException:
            for connection in self.connections.values():
                connection.close()
            raise
        return answer


def _closed_by_peer(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
