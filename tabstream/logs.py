"""Structured logs: one event a line, on standard output.

An event is a lower-case phrase; what it is about goes in key-values: `log.info("rows written", binding="leads")`.
Secrets are never logged.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

_REPEAT_SECONDS = 30.0
_DIGITS = re.compile(r"\d+")


def configure(log_format: str, process: str, level: str = "info") -> None:
    """Sets up structlog and the standard library's loggers. `log_format` is json or console."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_process(process),
    ]
    # Neither form shows local variables with a traceback: they may hold a secret.
    ends: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)]
        if log_format == "console"
        else [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(sort_keys=False, default=repr),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(), _drop_colours],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ends],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    _quieten()


def _name_process(process: str) -> Processor:
    def add(_: Any, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    return add


def _quieten() -> None:
    # One line a request or a schema look-up says nothing that the metrics don't.
    for name in ("httpx", "httpx2", "httpcore", "httpcore2", "googleapiclient.discovery", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What Google refuses is told by who asked, with its remedy.
    for name in ("googleapiclient.http", "googleapiclient.discovery_cache"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # uvicorn brings handlers of its own unless it is told not to; its lines go through ours.
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
    librdkafka = logging.getLogger("librdkafka")
    librdkafka.filters[:] = [_Repeats()]


class _Repeats(logging.Filter):
    """Lets a line pass only if none like it passed lately: a client tries a broker that is down twice a second."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True unless a line that differs in digits only passed within the last half minute."""
        like = _DIGITS.sub("#", record.getMessage())
        if record.created - self._passed.get(like, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        self._passed = {k: at for k, at in self._passed.items() if record.created - at < _REPEAT_SECONDS}
        self._passed[like] = record.created
        return True


def _drop_colours(_: Any, __: str, event: EventDict) -> EventDict:
    # uvicorn repeats its message with escape codes in this extra field.
    event.pop("color_message", None)
    return event
