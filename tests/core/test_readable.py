"""Values and keys on one line."""

from typing import Any

import pytest

from tabstream.core.readable import (
    changes_text,
    is_key,
    key_parts,
    plain,
    printable,
    short,
    shown_key,
    value_text,
    values_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        ("NULL", '"NULL"'),
        ('a "b"', '"a \\"b\\""'),
        (17, "17"),
        (17.0, "17"),
        (1.5, "1.5"),
        (True, "true"),
        (b"\x01\xff", '"\\\\x01ff"'),
        ("__debezium_unavailable_value", "(not in the message)"),
    ],
)
def test_a_value_tells_texts_from_numbers_and_from_nothing(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_a_long_value_is_cut() -> None:
    assert short("x" * 100, 10) == '"xxxxxxxx…'


def test_what_would_steer_a_terminal_is_written_out() -> None:
    assert printable("a\x1b[31mb\nc é") == "a\\x1b[31mb\\nc é"


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"a": 1, "b": "x"}, {"a": 2, "b": "x"}, "a: 1 -> 2"),
        ({"a": 1}, {"a": 1, "b": "new"}, 'b: NULL -> "new"'),
        (None, {"a": 1, "b": None}, "now a 1"),
        ({"a": 1}, {"a": 1}, "no other values"),
        ({"a": "x"}, {"a": "__debezium_unavailable_value"}, "no other values"),
    ],
)
def test_a_change_names_what_differs(old: dict[str, Any] | None, new: dict[str, Any], text: str) -> None:
    assert changes_text(old, new) == text


def test_empty_columns_are_left_out() -> None:
    assert values_text({"a": 1, "b": None, "c": ""}) == 'a 1, c ""'
    assert values_text({"b": None}) == "no values"


def test_json_holds_what_avro_does() -> None:
    assert plain({"a": [b"\x01", {"b": 1.5}], 1: None}) == {"a": ["\\x01", {"b": 1.5}], "1": None}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ({"id": 17, "country": "DE"}, "17,DE"),
        ("[17]", "17"),
        ('[17,"DE"]', "17,DE"),
        ("new:4c1f", "new:4c1f"),
        ("[broken", "[broken"),
    ],
)
def test_a_key_is_shown_as_the_person_sees_it(key: Any, text: str) -> None:
    assert shown_key(key) == text


def test_a_key_is_given_as_the_person_sees_it() -> None:
    assert key_parts("17") == ("17",)
    assert key_parts("17,DE") == ("17", "DE")
    assert key_parts('[17, "Bonn, DE"]') == (17, "Bonn, DE")


@pytest.mark.parametrize("key", [{"id": 17}, "leads/[17]", "17"])
def test_a_row_is_found_by_its_key_in_every_topic(key: Any) -> None:
    assert is_key(key, "17")
    assert not is_key(key, "1")
    assert not is_key(key, "170")
