"""The bindings file of a running process: a change is taken up, a wrong one is refused and the bindings stay as they were.

The file's content is compared, not its time: Kubernetes brings a changed file by another symbolic link. A content is taken
up once it has stayed the same for a look, since an editor may have written half of it, or at once where SIGHUP asks for it.
"""

import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from tabstream import metrics
from tabstream.bindings_file import read_bindings, read_text
from tabstream.core.binding import Bindings, binding_changes
from tabstream.errors import ConfigurationError

_log = structlog.get_logger(__name__)
_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Content:
    """The file's text, or why it can't be read."""

    text: str
    problem: str | None = None


class WatchedBindings:
    """`current` are the bindings that hold. They are replaced as a whole, by the watching thread: whoever uses them compares
    by identity. The first reading raises ConfigurationError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked = threading.Event()
        self._problem: str | None = None
        text = read_text(path)
        self._last = self._judged = _Content(text)
        self.current: Bindings = read_bindings(text, str(path))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the file as it is now is refused; empty where it is not."""
        problem = self._problem
        return () if problem is None else (f"the bindings file is refused, and the bindings stay as they were: {problem}",)

    def start(self, stop: threading.Event) -> None:
        """Watches the file, in a thread of its own, until `stop` is set."""
        threading.Thread(target=self._watch, args=(stop,), name="bindings watch", daemon=True).start()

    def reload(self) -> None:
        """Has the watching thread look at once, and judge the file even if it is as before."""
        self._asked.set()

    def look(self, at_once: bool = False) -> None:
        """Judges the file if its content is another than the last that was judged, and rests since the last look."""
        content = self._read()
        rests, self._last = content == self._last, content
        if at_once or (rests and content != self._judged):
            self._judged = content
            self._judge(content)

    def _watch(self, stop: threading.Event) -> None:
        while not stop.is_set():
            asked = self._asked.wait(_EVERY_SECONDS)
            self._asked.clear()
            self.look(at_once=asked)

    def _read(self) -> _Content:
        try:
            return _Content(read_text(self._path))
        except ConfigurationError as problem:
            return _Content("", str(problem))

    def _judge(self, content: _Content) -> None:
        try:
            if content.problem is not None:
                raise ConfigurationError(content.problem)
            bindings = read_bindings(content.text, str(self._path))
        except ConfigurationError as problem:
            self._problem = str(problem)
            metrics.BINDINGS_REFUSED.set(1)
            remedy = "correct the file: it is taken up by itself"
            _log.error("bindings file refused, the bindings stay as they were", problem=self._problem, remedy=remedy)
            return
        self._problem = None
        metrics.BINDINGS_REFUSED.set(0)
        self._take_up(bindings)

    def _take_up(self, bindings: Bindings) -> None:
        if bindings == self.current:
            _log.info("bindings file read, nothing has changed", path=str(self._path))
            return
        changes = binding_changes(self.current.bindings, bindings.bindings)
        _log.info(
            "bindings file taken up",
            path=str(self._path),
            added=[b.name for b in changes.added],
            removed=changes.removed,
            changed=[b.name for b in changes.changed],
        )
        metrics.BINDINGS_TAKEN_UP.inc()
        self.current = bindings
