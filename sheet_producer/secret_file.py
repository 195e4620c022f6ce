"""The secrets that scripts sign with, read from a file and read again when it changes."""

import threading
from pathlib import Path

import structlog

from tabstream.errors import ConfigurationError

SHORT_BYTES = 16

log = structlog.get_logger(__name__)


class SecretFile:
    """One secret a line, so that a new one can be brought in before the old one goes. Thread-safe.

    The first reading raises ConfigurationError; later, an unreadable file leaves the secrets as they were.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp, self._secrets = self._read()

    def secrets(self) -> tuple[bytes, ...]:
        """The secrets in the file as it is now."""
        with self._lock:
            try:
                if self._stamp != _stamp(self._path):
                    self._stamp, self._secrets = self._read()
                    log.info("secret read again", path=str(self._path), count=len(self._secrets))
            except (OSError, ConfigurationError) as problem:
                log.warning("secret file can't be read; the last secrets stay", path=str(self._path), problem=str(problem))
            return self._secrets

    def _read(self) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
        try:
            stamp = _stamp(self._path)
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise ConfigurationError(f"TABSTREAM_PRODUCER_SECRET_FILE can't be read: {problem}") from problem
        secrets = tuple(line.strip().encode() for line in lines if line.strip())
        if not secrets:
            raise ConfigurationError(f"TABSTREAM_PRODUCER_SECRET_FILE {str(self._path)!r} is empty: write a secret to it")
        if any(len(secret) < SHORT_BYTES for secret in secrets):
            log.warning("secret is short; use at least 16 random characters", path=str(self._path))
        return stamp, secrets


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
