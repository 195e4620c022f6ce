"""Whether a POST comes from a script that knows the secret, and from now.

The script signs `<time stamp> "." <body>` with HMAC-SHA256 and sends the signature in hexadecimal.
"""

import hashlib
import hmac
from collections.abc import Iterable

from tabstream.errors import TabstreamError

TIMESTAMP_HEADER = "X-Tabstream-Timestamp"
SIGNATURE_HEADER = "X-Tabstream-Signature"

_MAX_DIGITS = 16


class Unauthorised(TabstreamError):
    """A POST that is not believed; the message says why and holds neither secret nor signature."""


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a body sent at `timestamp` (ms since 1970, decimal)."""
    return hmac.new(secret, timestamp.encode("ascii") + b"." + body, hashlib.sha256).hexdigest()


def check_time(timestamp: str | None, now_ms: int, skew_seconds: float) -> str:
    """The time stamp, if it is there and at most `skew_seconds` off either way; raises Unauthorised."""
    if timestamp is None:
        raise Unauthorised(f"the header {TIMESTAMP_HEADER} is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _MAX_DIGITS):
        raise Unauthorised(f"{TIMESTAMP_HEADER} is {timestamp[:40]!r}, not milliseconds since 1970 as a decimal number")
    off_seconds = abs(now_ms - int(timestamp)) / 1000
    if off_seconds > skew_seconds:
        raise Unauthorised(f"the time stamp is {off_seconds:.0f} s off; at most {skew_seconds:g} s are allowed")
    return timestamp


def check_signature(secrets: Iterable[bytes], timestamp: str, signature: str | None, body: bytes) -> None:
    """Raises Unauthorised unless the signature is that of one of the secrets."""
    if signature is None:
        raise Unauthorised(f"the header {SIGNATURE_HEADER} is missing")
    given = signature.strip().lower().encode("utf-8", "replace")
    # Every secret is tried, so that the time taken does not tell which one matched.
    matches = [hmac.compare_digest(sign(secret, timestamp, body).encode("ascii"), given) for secret in secrets]
    if not any(matches):
        raise Unauthorised("the signature does not match the body, time stamp and secret")
