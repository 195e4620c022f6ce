"""Logs are one JSON object a line, whoever writes them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tabstream import logs


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, configured = (root.handlers[:], root.level), structlog.get_config()
    yield
    root.handlers[:], root.level = before
    structlog.configure(**configured)


def lines(captured: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.readouterr().out.splitlines()]


def fail_with(secret: str) -> None:
    try:
        raise ValueError("no such thing" if secret else "")
    except ValueError:
        structlog.get_logger().exception("failed")


def test_an_event_carries_its_process_and_key_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "sheet-sink")
    structlog.get_logger("tests").info("rows written", binding="leads", rows=3)
    (event,) = lines(capsys)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "rows written",
        "binding": "leads",
        "rows": 3,
        "level": "info",
        "logger": "tests",
        "process": "sheet-sink",
    }


def test_a_librarys_line_has_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "producer")
    logging.getLogger("librdkafka").warning("broker %s is down", "b1")
    (event,) = lines(capsys)
    assert (event["event"], event["level"], event["logger"]) == ("broker b1 is down", "warning", "librdkafka")


def test_an_error_is_one_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "producer")
    fail_with("tu" + "lip")
    (event,) = lines(capsys)
    assert event["exception"][0]["exc_value"] == "no such thing"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_does_not_show_what_variables_hold(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logs.configure(form, "producer")
    fail_with("tu" + "lip")
    assert "tulip" not in capsys.readouterr().out


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("console", "producer", "warning")
    structlog.get_logger().info("not this")
    structlog.get_logger().warning("this", count=2)
    out = capsys.readouterr().out
    assert "not this" not in out
    assert "this" in out
    assert "count=2" in out


def test_a_broker_that_is_down_is_told_once_and_not_at_every_attempt(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "producer")
    for milliseconds in (0, 1, 12):
        logging.getLogger("librdkafka").error("b1: connection refused (after %dms)", milliseconds)
    logging.getLogger("librdkafka").error("b1: timed out")
    assert [e["event"] for e in lines(capsys)] == ["b1: connection refused (after 0ms)", "b1: timed out"]
