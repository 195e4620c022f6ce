"""How the application is served."""

from email.utils import formatdate

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEEP_ALIVE_SECONDS = 240  # as Google's front ends; uvicorn's 5 s would close connections under their users' hands


def http_server(application: ASGIApp, host: str, port: int, log_level: str, grace_seconds: int) -> uvicorn.Server:
    """The server of an application, not started yet."""
    config = uvicorn.Config(
        _Dated(application),
        host=host,
        port=port,
        access_log=False,
        log_level=log_level,
        timeout_graceful_shutdown=grace_seconds,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)


class _Dated:
    """Answers say when they were given: uvicorn's own `Date` may be older than a second, which is not how Google's runs."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", ()), (b"date", date)]}
            await send(message)

        await self._application(scope, receive, dated)
