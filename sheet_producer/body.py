"""Reads a request's body without ever keeping more of it than is allowed."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from tabstream.errors import TabstreamError

_ARRIVAL_SECONDS = 30
# A client that is answered before it has sent all may never read the answer: the rest is thrown away, up to so much.
_DISCARD_FACTOR = 8


class BodyTooLarge(TabstreamError):
    """A body over the limit."""


class BodyIncomplete(TabstreamError):
    """A body that did not arrive."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body; raises BodyTooLarge or BodyIncomplete."""
    announced = request.headers.get("content-length", "")
    too_large = announced.isdigit() and int(announced[:20]) > limit_bytes
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_ARRIVAL_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                too_large = too_large or size > limit_bytes
                if too_large:
                    chunks.clear()
                else:
                    chunks.append(chunk)
                if size > limit_bytes * _DISCARD_FACTOR:
                    break
    except TimeoutError:
        raise BodyIncomplete(f"the body did not arrive within {_ARRIVAL_SECONDS} s") from None
    except ClientDisconnect:
        raise BodyIncomplete("the client went away before the body was complete") from None
    if too_large:
        raise BodyTooLarge(f"the body is larger than {limit_bytes} bytes: send a poke, or fewer rows")
    return b"".join(chunks)
