"""The part of each account's quota that this instance uses: as much as the part of the work that Kafka assigned to it."""

import structlog

from consumers.sheet_sink.services import Services
from tabstream import metrics
from tabstream.sheets.dividing import Division
from tabstream.sheets.pacing import policy_of

_log = structlog.get_logger()


class QuotaPart:
    """To be told, from one thread, at each rebalance and several times a second."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._division = Division()
        self._work = 0.0
        self._part = 1.0

    def has(self, work: float) -> None:
        """This instance has this part of the work, from 0 to 1. If it had none, others have just used their quota for it."""
        if self._work == 0 and 0 < work < 1:
            self._services.accounts.drain()
        self._work = work
        part = self._division.has(int(self._services.clock.monotonic() * 1_000), work)
        metrics.QUOTA_PART.set(part)
        if part in (0, self._part):
            return
        settings = self._services.settings
        _log.info("quota divided", part=round(part, 3), before=round(self._part, 3))
        self._part = part
        self._services.accounts.resize(policy_of(settings.quota_per_minute, settings.quota_share * part))
