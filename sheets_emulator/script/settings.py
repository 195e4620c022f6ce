"""How the person's side behaves where Google's own behaviour varies or is not known."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Fires = Literal["none", "edit", "change"]


class Settings(BaseModel):
    """`trigger_delay_ms`: from an action to the start of its triggers. `queue_limit`: how many onEdit events wait while
    one is under way; more are dropped. `sort_fires`, `undo_fires`: what a sort and an undo fire, as reports differ: nothing,
    onEdit and onChange EDIT, or onChange OTHER alone. `person`: the e-mail address that scripts see, and that quotas count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trigger_delay_ms: int = Field(default=0, ge=0, le=600_000)
    queue_limit: int = Field(default=2, ge=0, le=10_000)
    sort_fires: Fires = "change"
    undo_fires: Fires = "none"
    person: str = Field(default="person@example.com", min_length=1, max_length=200)
