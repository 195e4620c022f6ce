"""Native Avro values become the text that PostgreSQL would print, or one that reads the same."""

from typing import Any

import pytest

from tabstream.core.types.avro import avro_text, is_unavailable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (0.1, "0.1"),
        (1e20, "1e+20"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (b"\x00\xff", "\\x00ff"),
        ("as it is", "as it is"),
        ([1, None, "a"], '["1", null, "a"]'),
        ([[True], [b"\x01"]], '[["true"], ["\\\\x01"]]'),
        ({"y": 2.0, "x": 1}, '{"x": "1", "y": "2.0"}'),
    ],
)
def test_native_avro_values_become_text(value: Any, text: str | None) -> None:
    assert avro_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "__debezium_unavailable_value",
        b"__debezium_unavailable_value",
        ["__debezium_unavailable_value"],
        [b"__debezium_unavailable_value"],
        list(b"__debezium_unavailable_value"),
        {"__debezium_unavailable_value": "__debezium_unavailable_value"},
    ],
)
def test_a_value_that_debezium_does_not_have_is_known(value: Any) -> None:
    assert is_unavailable(value)


@pytest.mark.parametrize("value", [None, "", "text", b"bytes", [], ["a"], [95, 95], {}, 0, True])
def test_any_other_value_is_taken_as_it_is_bad(value: Any) -> None:
    assert not is_unavailable(value)
