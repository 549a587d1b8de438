"""What an empty queue adds to a webhook's latency: the recorder beside the bare call that it makes."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any, Final, cast

from service.ledger import EventOutcome
from service.recorder import EventRecorder
from tests.bench.figures import Figure, at_most

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from service.ledger import Ledger

_ROUNDS: Final = 20
_EVENTS: Final = 2000


class InstantLedger:
    """Stands for a database that answers at once, so that nothing but the queue takes time."""

    async def record_stripe_events(self, events: Sequence[Mapping[str, Any]]) -> list[EventOutcome]:
        """Every event is applied."""
        return [EventOutcome(event["id"], "applied") for event in events]


async def measure_queue() -> list[Figure]:
    """Milliseconds for one event, with nothing else waiting; the median of rounds in turn."""
    ledger = InstantLedger()
    recorder = EventRecorder(cast("Ledger", ledger))
    event = {"id": "evt_1"}
    differences = []
    for _ in range(_ROUNDS):
        through = await _seconds(lambda: recorder.record(event))
        straight = await _seconds(lambda: ledger.record_stripe_events([event]))
        differences.append(through - straight)
    return [Figure("an empty queue adds to latency", median(differences) * 1000, "ms", at_most(0.1))]


async def _seconds(ask: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    for _ in range(_EVENTS):
        await ask()
    return (time.perf_counter() - started) / _EVENTS
