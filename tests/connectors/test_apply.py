"""Which tables a connector that runs is asked to snapshot, beside those that it streams from now on."""

import pytest

from connectors.apply import streamed_before


@pytest.mark.parametrize(
    ("existing", "missing", "new_topics", "expected"),
    [
        (["a", "b"], [], ["b"], ["b"]),
        (["a", "b"], ["b"], ["b"], []),
        (["a"], [], ["a", "gone"], ["a"]),
        (["a", "b"], [], [], []),
    ],
    ids=["its topic was made anew", "it is published only now", "there is no such table", "all topics are there"],
)
def test_a_table_that_was_streamed_before_is_snapshotted_where_its_topic_is_new(
    existing: list[str], missing: list[str], new_topics: list[str], expected: list[str]
) -> None:
    assert streamed_before(existing, missing, new_topics) == expected
