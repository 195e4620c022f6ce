"""A body of another shape is refused with the field that is wrong."""

import json
from typing import Any

import pytest

from sheet_producer.post import MalformedPost, parse_post
from tests.sheet_producer.posts import EDITED, post


def test_unknown_fields_are_ignored() -> None:
    body = post([{**EDITED, "height": 3}], user="ada")
    body["header"][0]["effectiveFormat"] = {"bold": True}
    assert parse_post(json.dumps(body).encode()) == parse_post(json.dumps(post([EDITED])).encode())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "invalid JSON"),
        (b"[]", "input should be an object"),
        (b"\xff", "invalid JSON"),
        (post([], version=2), "version: input should be 1"),
        (post([], id=""), "id: string should have at least 1 character"),
        (post([], id="x" * 1001), "id: string should have at most 1000 characters"),
        (post([], event="open"), "event: input should be 'edit', 'change' or 'poke'"),
        (post([], sheet_id=-1), "sheet_id: "),
        (post([], sheet_id=2**31), "sheet_id: "),
        (post([], read_end_ms=1), "read_end_ms must not be before read_begin_ms"),
        (post([], read_begin_ms=2**70), "read_begin_ms: "),
        (post([], columns=(3, 3)), "touched: a range must end after it starts"),
        (post([{"row": 1.5, "values": []}], touched=None), "rows.0.row: "),
        (post([{"row": 1, "values": ["x"]}]), "rows.0.values.0: "),
        (post([{"row": 1, "values": [{"effectiveValue": {"numberValue": float("nan")}}]}]), "finite number"),
        (post([{"row": 1, "values": [{"effectiveValue": {"stringValue": "\ud800"}}]}]), "invalid JSON"),
    ],
)
def test_a_wrong_field_is_named_bad(body: dict[str, Any] | bytes, message: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(MalformedPost) as raised:
        parse_post(raw)
    assert message in str(raised.value)
