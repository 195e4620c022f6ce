"""What an audit tells to do."""

from tabstream.core.audit import Finding, Kind
from tabstream.core.binding import Binding
from tabstream.core.cells import RowKey
from tabstream.operations.audit_report import Judged, Report, Standing, with_next_step

LEADS = Binding("leads", "public.leads", "sales", "1AbC", "Leads")
FINDING = Finding(Kind.MISSING, RowKey("[1]"), None)


def report_of(standing: Standing, remedy: str | None = None) -> Report:
    return Report(LEADS, 1, (Judged(FINDING, standing),), 0, 1, 0, "0/1", ("a", "b"), 2, remedy=remedy)


def test_drift_has_a_next_step_and_what_is_no_drift_has_none() -> None:
    assert with_next_step(report_of(Standing.DRIFT), "repair it").remedy == "repair it"
    assert with_next_step(report_of(Standing.EDIT), "repair it").remedy is None
    assert with_next_step(report_of(Standing.DRIFT, "start one"), "repair it").remedy == "start one"
