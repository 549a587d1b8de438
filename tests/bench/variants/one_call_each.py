"""The service, with one call to the database for each webhook: what sharing calls is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import service.app
from service.errors import UnavailableError
from tests.bench.variants import serve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.ledger import EventOutcome, Ledger
    from service.telemetry import Telemetry


class OneCallEach:
    """Records each event by itself, as many at once as come."""

    waiting = 0
    """How many events wait for a call: none ever does."""

    def __init__(self, ledger: Ledger, telemetry: Telemetry) -> None:
        self._ledger = ledger
        self._telemetry = telemetry

    async def record(self, event: Mapping[str, Any]) -> EventOutcome:
        """Record one projected event."""
        with self._telemetry.batch([self._telemetry.origin()]):
            [outcome] = await self._ledger.record_stripe_events([event])
        if outcome.outcome == "failed":
            raise UnavailableError("event_failed")
        return outcome


if __name__ == "__main__":
    # It takes the recorder's place in the application that is built next.
    vars(service.app)["EventRecorder"] = OneCallEach
    serve.main()
