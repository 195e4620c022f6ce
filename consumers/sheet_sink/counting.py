"""What a write counts as in the metrics."""

from consumers.sheet_sink.bound_tab import BoundTab
from tabstream import metrics
from tabstream.core.identity import Identity, Repair
from tabstream.core.tabparts import TabPlan


def count_written(tab: BoundTab, plan: TabPlan, added: int, now_ms: int) -> None:
    """Counts rows and cells of a write that was applied, and how long each change took to be shown."""
    name = tab.binding.name
    metrics.ROWS_WRITTEN.labels(name).inc(len(plan.rows) + added + len(plan.removes))
    cells = sum(len(row.cells) for row in plan.rows.values()) + sum(len(add.values) for add in plan.adds[:added])
    metrics.CELLS_WRITTEN.labels(name).inc(cells)
    shown = [plan.settled.get(key) for key in plan.rows] + [add.desired for add in plan.adds[:added]]
    for desired in shown:
        if desired is not None and desired.committed_ms is not None:
            metrics.COMMIT_TO_CELL_SECONDS.labels(name).observe(max(0, now_ms - desired.committed_ms) / 1_000)


def count_repairs(tab: BoundTab, plan: TabPlan, found: Identity) -> None:
    """Counts the rows that a write has put right, by what was wrong with them."""
    repaired = [found.rows[key].repair for key in plan.rows if key in found.rows]
    copies = {row.row for row in found.copies}
    kinds = [repair.value for repair in repaired if repair is not Repair.NONE]
    kinds += ["copy" for written in plan.others if written.row in copies]
    for kind in kinds:
        metrics.REPAIRS.labels(tab.binding.name, kind).inc()
