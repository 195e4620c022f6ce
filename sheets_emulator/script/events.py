"""What fires triggers, and the event objects that handlers get.

https://developers.google.com/apps-script/guides/triggers/events
"""

from dataclasses import dataclass

from sheets_emulator.model.ranges import Area
from sheets_emulator.model.values import Json

ON_EDIT, ON_CHANGE = "ON_EDIT", "ON_CHANGE"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person did. `value` and `old_value` only for a single typed cell; None where there was nothing."""

    kind: str
    sheet_id: int | None
    area: Area | None = None
    value: str | None = None
    old_value: str | None = None
    change_type: str | None = None

    def as_json(self, spreadsheet_id: str, trigger_id: str, person: str) -> Json:
        """The event object of one trigger, ready to become proxies in the script."""
        data: Json = {"source": spreadsheet_id, "triggerUid": trigger_id, "user": person}
        named = {"changeType": self.change_type, "value": self.value, "oldValue": self.old_value}
        data.update({name: value for name, value in named.items() if value is not None})
        if self.area is not None:
            area = self.area
            place = {"row": area.start_row, "column": area.start_column, "rows": area.height, "columns": area.width}
            data["range"] = {"sheet": self.sheet_id, **place}
        return data
