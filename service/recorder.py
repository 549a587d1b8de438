"""Hands verified events to the database, those that wait together in one call."""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog

from service.errors import UnavailableError
from service.ledger import EventOutcome, Ledger
from service.telemetry import Telemetry

MAX_BATCH: Final = 32
"""Events in one call. More would save the database little, and leave the other calls without work."""

MAX_CALLS: Final = 4
"""Calls under way at a time. One that waits for a locked account must not hold up everybody's events."""

MAX_WAITING: Final = 1024
"""Events that may wait, some seconds' worth. Stripe does better to send the next one again later."""

if TYPE_CHECKING:
    from service.telemetry import Origin

    _Waiting: TypeAlias = tuple[Mapping[str, Any], asyncio.Future[EventOutcome], Origin]

log = structlog.get_logger()


class EventRecorder:
    """Records events. One that returns is committed, so Stripe may be told so.

    An event starts a call at once while fewer than `max_calls` are under way. Those that come meanwhile share
    the next call, so there is no timer, and nothing waits when nothing else is there.
    """

    def __init__(
        self, ledger: Ledger, max_calls: int = MAX_CALLS, telemetry: Telemetry | None = None
    ) -> None:
        self._ledger = ledger
        self._telemetry = telemetry or Telemetry()
        self._max_calls = max_calls
        self._waiting: list[_Waiting] = []
        self._callers: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many events wait for a call."""
        return len(self._waiting)

    async def record(self, event: Mapping[str, Any]) -> EventOutcome:
        """Record one projected event. `UnavailableError` if it did not commit: Stripe shall send it again."""
        if len(self._waiting) >= MAX_WAITING:
            raise UnavailableError("too_many_events_waiting")
        result: asyncio.Future[EventOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, result, self._telemetry.origin()))
        if len(self._callers) < self._max_calls:
            # In a context of its own: what it logs belongs to no single request.
            self._callers.add(asyncio.create_task(self._call(), context=Context()))
        outcome = await result
        if outcome.outcome == "failed":
            log.error("event failed", reason=outcome.reason)
            raise UnavailableError("event_failed")
        return outcome

    async def _call(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:MAX_BATCH]
                del self._waiting[:MAX_BATCH]
                await self._record_batch(batch)
        finally:
            # Not in a callback: an event that came before it ran would wait for ever.
            self._callers -= {asyncio.current_task()}

    async def _record_batch(self, batch: "list[_Waiting]") -> None:
        events = [event for event, _, _ in batch]
        try:
            with (
                structlog.contextvars.bound_contextvars(event_ids=[event["id"] for event in events]),
                self._telemetry.batch([origin for _, _, origin in batch]),
            ):
                outcomes = await self._ledger.record_stripe_events(events)
        except UnavailableError as error:
            for _, result, _ in batch:
                _fail(result, UnavailableError(error.code))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            # One event that the function refuses to take must not hold up the others.
            for each in batch:
                await self._record_batch([each])
        else:
            for (_, result, _), outcome in zip(batch, outcomes, strict=True):
                if not result.done():
                    result.set_result(outcome)


def _fail(result: asyncio.Future[EventOutcome], error: Exception) -> None:
    # It is done already where the client has hung up.
    if not result.done():
        result.set_exception(error)
