"""The fence: a batch built on an old state changes nothing.

Undocumented: the texts and the request index of the two errors, and that a protection's id is never given twice.
"""

from uuid import uuid4

import pytest

from tabstream.sheets.answers import added_protection
from tabstream.sheets.errors import FenceLost, InvalidRequest
from tabstream.sheets.requests import cell, delete_protection, delete_rows, protect_tab, update_cells
from tests.contracts.conftest import Workspace


def test_a_batch_that_holds_the_fence_is_applied_and_sets_up_the_next_one(workspace: Workspace) -> None:
    batch = str(uuid4())
    body = workspace.write(
        delete_protection(workspace.fence),
        protect_tab(workspace.scratch, batch),
        update_cells(workspace.tab, 0, 0, [[cell("shown")]]),
    )
    protection = workspace.view(workspace.scratch).protection
    assert protection is not None
    assert (protection.id, protection.description, protection.warning_only) == (added_protection(body, 1), batch, True)
    assert protection.id != workspace.fence
    assert workspace.values(workspace.tab, 0) == ["shown"]


def test_the_second_of_two_batches_built_on_one_state_changes_nothing(workspace: Workspace) -> None:
    for value in ("first", "second"):
        requests = [
            delete_protection(workspace.fence),
            protect_tab(workspace.scratch, value),
            update_cells(workspace.tab, 0, 0, [[cell(value)]]),
        ]
        if value == "first":
            workspace.write(*requests)
        else:
            with pytest.raises(FenceLost):
                workspace.write(*requests)
    protection = workspace.view(workspace.scratch).protection
    assert protection is not None
    assert protection.description == "first"
    assert workspace.values(workspace.tab, 0) == ["first"]


def test_two_owners_cannot_both_set_up_the_fence(workspace: Workspace) -> None:
    with pytest.raises(FenceLost, match="already has sheet protection"):
        workspace.write(protect_tab(workspace.scratch, "mine"))


def test_the_culprit_beyond_the_fence_is_named_by_its_index_and_nothing_is_applied(workspace: Workspace) -> None:
    with pytest.raises(InvalidRequest) as caught:
        workspace.write(
            delete_protection(workspace.fence),
            protect_tab(workspace.scratch, "never"),
            update_cells(workspace.tab, 0, 0, [[cell("never")]]),
            delete_rows(workspace.tab, 5_000, 5_001),
        )
    assert caught.value.index == 3
    protection = workspace.view(workspace.scratch).protection
    assert protection is not None
    assert (protection.id, protection.description) == (workspace.fence, "set up")
    assert workspace.values(workspace.tab, 0) == []
