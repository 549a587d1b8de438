"""How events share calls. The ledger is a stand-in that answers when told to: each overlap is certain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from service.errors import FailedError, UnavailableError
from service.ledger import EventOutcome, Ledger
from service.recorder import MAX_BATCH, MAX_WAITING, EventRecorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class HeldLedger:
    """Holds each call until `go` is set, and keeps the ids that it was called with."""

    def __init__(self, answer: Callable[[str], EventOutcome] | None = None) -> None:
        self.calls: list[list[str]] = []
        self.go = asyncio.Event()
        self.error: Callable[[list[str]], Exception | None] = lambda _ids: None
        self.answer = answer or (lambda id_: EventOutcome(id_, "applied"))

    async def record_stripe_events(self, events: Sequence[Mapping[str, Any]]) -> list[EventOutcome]:
        """What the recorder calls."""
        ids = [event["id"] for event in events]
        self.calls.append(ids)
        await self.go.wait()
        if error := self.error(ids):
            raise error
        return [self.answer(id_) for id_ in ids]


def recorder_on(ledger: HeldLedger, max_calls: int = 1) -> EventRecorder:
    return EventRecorder(cast("Ledger", ledger), max_calls)


async def start(recorder: EventRecorder, *ids: str) -> list[asyncio.Task[EventOutcome]]:
    """Begin to record each event, as far as it gets without the ledger's answer."""
    tasks = [asyncio.create_task(recorder.record({"id": id_})) for id_ in ids]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_event_that_finds_no_call_starts_one_at_once() -> None:
    ledger = HeldLedger()
    [first] = await start(recorder_on(ledger), "evt_1")
    assert ledger.calls == [["evt_1"]]
    ledger.go.set()
    assert (await first).outcome == "applied"


async def test_events_that_come_during_a_call_share_the_next() -> None:
    ledger = HeldLedger()
    recorder = recorder_on(ledger)
    tasks = await start(recorder, "evt_1") + await start(recorder, "evt_2", "evt_3")
    assert ledger.calls == [["evt_1"]]
    ledger.go.set()
    assert [outcome.id for outcome in await asyncio.gather(*tasks)] == ["evt_1", "evt_2", "evt_3"]
    assert ledger.calls == [["evt_1"], ["evt_2", "evt_3"]]


async def test_call_that_hangs_holds_up_its_own_events_alone() -> None:
    ledger = HeldLedger()
    recorder = recorder_on(ledger, max_calls=2)
    [stuck] = await start(recorder, "evt_stuck")
    ledger.go, never = asyncio.Event(), ledger.go
    ledger.go.set()
    assert (await recorder.record({"id": "evt_2"})).outcome == "applied"
    assert (await recorder.record({"id": "evt_3"})).outcome == "applied"
    assert not stuck.done()
    never.set()
    await stuck


async def test_no_more_calls_than_allowed_are_under_way() -> None:
    ledger = HeldLedger()
    recorder = recorder_on(ledger, max_calls=2)
    tasks = [task for id_ in ("evt_1", "evt_2", "evt_3", "evt_4") for task in await start(recorder, id_)]
    assert ledger.calls == [["evt_1"], ["evt_2"]]
    ledger.go.set()
    await asyncio.gather(*tasks)
    assert ledger.calls == [["evt_1"], ["evt_2"], ["evt_3", "evt_4"]]


async def test_call_takes_no_more_than_a_batch() -> None:
    ledger = HeldLedger()
    recorder = recorder_on(ledger)
    tasks = await start(recorder, *(f"evt_{number}" for number in range(MAX_BATCH + 2)))
    ledger.go.set()
    await asyncio.gather(*tasks)
    assert [len(call) for call in ledger.calls] == [MAX_BATCH, 2]


async def test_event_is_not_answered_before_its_own_call_is() -> None:
    def answer_and_hold(id_: str) -> EventOutcome:
        ledger.go.clear()
        return EventOutcome(id_, "applied")

    ledger = HeldLedger(answer_and_hold)
    recorder = recorder_on(ledger)
    [first] = await start(recorder, "evt_1")
    [second] = await start(recorder, "evt_2")
    ledger.go.set()
    await first
    assert ledger.calls == [["evt_1"], ["evt_2"]]
    assert not second.done()
    ledger.go.set()
    await second


async def test_failed_event_fails_alone() -> None:
    ledger = HeldLedger(lambda id_: EventOutcome(id_, "failed" if id_ == "evt_2" else "applied"))
    tasks = await start(recorder_on(ledger), "evt_1", "evt_2", "evt_3")
    ledger.go.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(second, UnavailableError)
    assert isinstance(first, EventOutcome)
    assert isinstance(third, EventOutcome)


async def test_call_that_is_refused_is_made_again_for_each_event() -> None:
    ledger = HeldLedger()
    ledger.error = lambda ids: FailedError("postgrest_400") if "evt_2" in ids else None
    tasks = await start(recorder_on(ledger), "evt_1", "evt_2", "evt_3")
    ledger.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [EventOutcome, FailedError, EventOutcome]
    assert ledger.calls == [["evt_1", "evt_2", "evt_3"], ["evt_1"], ["evt_2"], ["evt_3"]]


async def test_unreachable_database_fails_the_call_and_not_the_next() -> None:
    ledger = HeldLedger()
    ledger.error = lambda _ids: UnavailableError("supabase_unreachable")
    recorder = recorder_on(ledger)
    tasks = await start(recorder, "evt_1", "evt_2")
    ledger.go.set()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, UnavailableError)
    ledger.error = lambda _ids: None
    assert (await recorder.record({"id": "evt_1"})).outcome == "applied"


async def test_defect_in_a_call_leaves_nobody_waiting() -> None:
    ledger = HeldLedger()
    ledger.error = lambda _ids: ZeroDivisionError()
    recorder = recorder_on(ledger)
    [task] = await start(recorder, "evt_1")
    ledger.go.set()
    with pytest.raises(ZeroDivisionError):
        await task
    ledger.error = lambda _ids: None
    assert (await recorder.record({"id": "evt_2"})).outcome == "applied"


async def test_event_whose_client_has_hung_up_is_recorded_with_the_others() -> None:
    ledger = HeldLedger()
    first, second = await start(recorder_on(ledger), "evt_1", "evt_2")
    first.cancel()
    ledger.go.set()
    assert (await second).outcome == "applied"
    assert ledger.calls == [["evt_1", "evt_2"]]


async def test_full_queue_sends_events_back_to_stripe() -> None:
    ledger = HeldLedger()
    recorder = recorder_on(ledger)
    tasks = await start(recorder, "evt_first")
    tasks += await start(recorder, *(f"evt_{number}" for number in range(MAX_WAITING)))
    with pytest.raises(UnavailableError):
        await recorder.record({"id": "evt_too_many"})
    ledger.go.set()
    assert len(await asyncio.gather(*tasks)) == MAX_WAITING + 1
