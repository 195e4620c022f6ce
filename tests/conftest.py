"""Log lines of the code under test go through the standard library's loggers: pytest shows those of a test that fails."""

import pytest
import structlog


@pytest.fixture(scope="session", autouse=True)
def logs_for_pytest() -> None:
    # structlog's default prints to sys.stdout, which pytest replaces between tests: a thread that logs just then would crash.
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
