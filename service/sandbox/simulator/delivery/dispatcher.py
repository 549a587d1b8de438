"""Sends events to the endpoints that asked for them, and again until they are confirmed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httpx

from service.sandbox.simulator.delivery.chaos import Chaos, Knobs
from service.sandbox.simulator.delivery.delivery import Attempt, Delivery
from service.sandbox.simulator.delivery.sender import Sender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.activity import Activity
    from service.sandbox.simulator.events.record import EventRecord
    from service.sandbox.simulator.objects import Object
    from service.sandbox.simulator.options import Options

_HOLD_SECONDS = 0.5


class Dispatcher:
    """Runs every delivery as a task of its own, so that a slow endpoint delays neither the API nor others."""

    def __init__(self, options: Options, activity: Activity) -> None:
        self.chaos = Chaos()
        self.deliveries: list[Delivery] = []
        self._options = options
        self._activity = activity
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[tuple[Delivery, float]] = []
        self._hold_timer: asyncio.TimerHandle | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._sender = Sender(options.delivery_timeout)

    async def close(self) -> None:
        """End all deliveries where they are."""
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._sender.close()

    def dispatch(self, account: Account, event: EventRecord) -> None:
        """Send a new event to all endpoints that want its type, as the chaos knobs have it."""
        endpoints = list(_wanting(account, event.type))
        event.pending_webhooks = len(endpoints)
        payload = event.payload() if endpoints else b""
        for endpoint in endpoints:
            fate = self.chaos.fate_of_delivery()
            delivery = self._new_delivery(account, event, endpoint, payload, counts=True)
            if not fate.delays:
                delivery.close("dropped")
            for copy, delay in enumerate(fate.delays):
                if copy:
                    delivery = self._new_delivery(account, event, endpoint, payload, counts=False)
                self._hold_or_start(delivery, delay)

    def redeliver(self, account: Account, event: EventRecord) -> list[Delivery]:
        """Send an event once more to all endpoints that want it, chaos or not."""
        endpoints = list(_wanting(account, event.type))
        payload = event.payload()
        again = [self._new_delivery(account, event, e, payload, counts=False) for e in endpoints]
        for delivery in again:
            self._activity.begin()
            self._start(delivery, 0)
        return again

    def pause(self) -> None:
        """Begin no further attempt until `resume`."""
        self._open.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._open.set()

    def set_chaos(self, knobs: Knobs) -> None:
        """Start over with these knobs, letting go what the old ones hold."""
        self.release_held()
        self.chaos = Chaos(knobs)

    def release_held(self) -> None:
        """Let go the deliveries held for shuffling, in their new order."""
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None
        held, self._held = self._held, []
        for position in self.chaos.new_order(len(held)):
            self._start(*held[position])

    def _new_delivery(
        self, account: Account, event: EventRecord, endpoint: Object, payload: bytes, *, counts: bool
    ) -> Delivery:
        number = len(self.deliveries) + 1
        delivery = Delivery(
            f"delivery_{number}", account, event, endpoint["id"], endpoint["url"], payload, counts
        )
        self.deliveries.append(delivery)
        return delivery

    def _hold_or_start(self, delivery: Delivery, delay: float) -> None:
        self._activity.begin()
        window = self.chaos.knobs.shuffle
        if window <= 1:
            self._start(delivery, delay)
            return
        self._held.append((delivery, delay))
        if len(self._held) >= window:
            self.release_held()
        elif self._hold_timer is None:
            loop = asyncio.get_running_loop()
            self._hold_timer = loop.call_later(_HOLD_SECONDS, self.release_held)

    def _start(self, delivery: Delivery, delay: float) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(delivery, delay))
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._activity.end()

    async def _deliver(self, delivery: Delivery, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        last_start = time.monotonic() + self._options.give_up
        pause = self._options.first_retry
        while True:
            await self._open.wait()
            endpoint = delivery.account.webhook_endpoints.get(delivery.endpoint_id)
            if endpoint is None or endpoint["status"] != "enabled":
                delivery.close("canceled")
                return
            attempt = await self._attempt(delivery)
            delivery.attempts.append(attempt)
            if attempt.succeeded:
                delivery.close("succeeded")
                return
            if time.monotonic() + pause > last_start:
                delivery.close("failed")
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._options.longest_retry)

    async def _attempt(self, delivery: Delivery) -> Attempt:
        async with self._sender.turn(delivery.endpoint_id) as transport:
            at, started = time.time(), time.monotonic()
            # Signed when its turn has come: receivers refuse a timestamp that has grown old in a queue.
            secrets = delivery.account.signing_secrets[delivery.endpoint_id]
            signature = secrets.sign(delivery.payload, int(at))
            status, error = None, None
            try:
                status = await self._sender.post(transport, delivery.url, delivery.payload, signature)
            except httpx.HTTPError as failure:
                error = f"{type(failure).__name__}: {failure}"
            return Attempt(at, status, error, time.monotonic() - started)


def _wanting(account: Account, kind: str) -> Iterator[Object]:
    for endpoint in account.webhook_endpoints.oldest_first():
        enabled = endpoint["enabled_events"]
        if endpoint["status"] == "enabled" and (kind in enabled or "*" in enabled):
            yield endpoint
