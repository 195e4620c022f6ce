"""The mass guard: what one look shows of a large share of a tab waits for a confirmation.

Rows deleted, or cells changed, all at once may be a filter that was pasted over, or a sort that left the keys behind.
"""

import json
from collections.abc import Collection

from tabstream.core.binding import Binding
from tabstream.core.cells import RowKey, digest

FEW_ROWS = 20


def is_mass(binding: Binding, count: int, rows: int) -> bool:
    """True where `count` rows of a tab of `rows` rows are more than one act of a person should reach unasked."""
    if count > binding.hold_above_count:
        return True
    return count > FEW_ROWS and count > rows * binding.hold_above_share


def held_digest(keys: Collection[RowKey]) -> str:
    """Names a set of keys that wait for a confirmation."""
    return digest(json.dumps(sorted(keys)))
