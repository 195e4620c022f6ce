"""Log lines of the code under test go through the standard library's loggers: pytest shows those of a test that fails."""

import os

import pytest
import structlog

_NICE = 10


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Beside the stack's tests, which wait for things that happen, the others take what is left of the processor."""
    if "PYTEST_XDIST_WORKER" in os.environ and item.get_closest_marker("stack") is None and os.nice(0) < _NICE:
        os.nice(_NICE)


@pytest.fixture(scope="session", autouse=True)
def logs_for_pytest() -> None:
    # structlog's default prints to sys.stdout, which pytest replaces between tests: a thread that logs just then would crash.
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
