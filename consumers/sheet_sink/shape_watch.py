"""Whether the table still is what the tab was opened for."""

from consumers.sheet_sink.bound_tab import BoundTab, OpenAgain
from consumers.sheet_sink.services import Services


def check_shape(tab: BoundTab, services: Services) -> None:
    """Raises OpenAgain where the table's bound columns are others now, BindingProblem where one is missing, or Outage."""
    if services.table(tab.binding, tab.zone).shape != tab.shape:
        raise OpenAgain(f"the columns of table {tab.binding.table!r} have changed")
