"""Whether the table still is what the tab was opened for."""

from consumers.sheet_sink.bound_tab import BoundTab, OpenAgain
from consumers.sheet_sink.services import Services


def check_shape(tab: BoundTab, services: Services) -> None:
    """Raises OpenAgain where the table or its topic is another one, is gone, or has other columns now, BindingProblem where
    something is missing, or Outage."""
    table = services.table(tab.binding, tab.zone)
    if table.shape != tab.shape:
        raise OpenAgain(f"the columns of table {tab.binding.table!r} have changed")
    topics = services.topics(tab.binding)
    if topics.table_id != tab.topics.table_id:
        raise OpenAgain(f"topic {tab.topics.table!r} is another one, or gone")
    if topics.partitions > tab.topics.partitions:
        raise OpenAgain(f"topic {tab.topics.table!r} has more partitions now")
    if table.identity != tab.table_identity:
        raise OpenAgain(f"table {tab.binding.table!r}, or its database, is another one")
