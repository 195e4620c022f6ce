"""The bound tables as they were when last looked at, and the bindings that have a problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from consumers.database_sink.rules import load_rules
from tabstream.clock import Clock
from tabstream.core.binding import BindingChanges, Bindings
from tabstream.core.rowmerge import BoundTable
from tabstream.errors import BindingProblem
from tabstream.postgres.connection import Connection
from tabstream.postgres.rows import Rows
from tabstream.postgres.shape import keeps_commit_times, read_table

_log = structlog.get_logger(__name__)

# A table is looked at again when its last reading is this old, or at once where a statement fails for its shape.
FRESH_SECONDS = 10.0
PROBLEM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Known:
    rows: Rows | None
    problem: BindingProblem | None
    until: float


@dataclass(slots=True)
class Tables:
    """Shapes by binding and the spreadsheet's time zone. Not thread-safe, but for `problems`."""

    bindings: Bindings
    clock: Clock
    _known: dict[tuple[str, str], _Known] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)

    def rows(self, connection: Connection, binding: str, zone: str) -> Rows:
        """The door to the binding's table. Raises BindingProblem, KeyError for a binding that there is not.

        Reads the catalog, if need be, in a transaction of its own.
        """
        known = self._known.get((binding, zone))
        if known is None or known.until < self.clock.monotonic():
            known = self._look(connection, binding, zone)
            self._known[binding, zone] = known
        if known.problem is not None:
            raise known.problem
        if known.rows is None:
            raise KeyError(binding)
        return known.rows

    def forget(self, binding: str) -> None:
        """Reads the table's shape again before its next use."""
        self._known = {name: known for name, known in self._known.items() if name[0] != binding}

    def take_up(self, bindings: Bindings, changes: BindingChanges) -> None:
        """Goes on with these bindings, which differ from those before by `changes`."""
        self.bindings = bindings
        for name in (*changes.removed, *(b.name for b in (*changes.added, *changes.changed))):
            self.forget(name)
            self._problems.pop(name, None)

    def problems(self) -> Mapping[str, str]:
        """The problem of each binding that has one, by its name."""
        return dict(self._problems)

    def _look(self, connection: Connection, name: str, zone: str) -> _Known:
        binding = self.bindings.named(name)
        if binding is None:
            return _Known(None, None, float("inf"))
        now = self.clock.monotonic()
        try:
            with connection.transaction():
                table: BoundTable = read_table(connection, binding, zone, load_rules(binding))
                rows = Rows(table, keeps_commit_times(connection))
        except BindingProblem as problem:
            if self._problems.get(name) != problem.problem:
                _log.error("binding paused", binding=name, problem=problem.problem, remedy=problem.remedy)
            self._problems[name] = problem.problem
            return _Known(None, problem, now + PROBLEM_SECONDS)
        if self._problems.pop(name, None) is not None:
            _log.info("binding goes on", binding=name)
        return _Known(rows, None, now + FRESH_SECONDS)
