"""What Stripe does some time after it has answered: a bank debit settles, a refund fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.sandbox.simulator.activity import Activity


class Later:
    """Transitions waiting for their time, in the order they were planned."""

    def __init__(self, delay: float, activity: Activity) -> None:
        self._delay = delay
        self._activity = activity
        self._waiting: dict[int, tuple[Callable[[], None], asyncio.TimerHandle]] = {}
        self._count = 0

    def plan(self, transition: Callable[[], None]) -> None:
        """Run `transition` once after the configured delay, or when `run_all` is called."""
        self._activity.begin()
        self._count += 1
        number = self._count
        timer = asyncio.get_running_loop().call_later(self._delay, self._run, number)
        self._waiting[number] = (transition, timer)

    def run_all(self) -> int:
        """Let all that waits happen now; how many transitions that were, follow-ups included."""
        done = 0
        while self._waiting:
            self._run(next(iter(self._waiting)))
            done += 1
        return done

    def cancel(self) -> None:
        """Forget all that waits."""
        for _, timer in self._waiting.values():
            timer.cancel()
            self._activity.end()
        self._waiting.clear()

    def _run(self, number: int) -> None:
        transition, timer = self._waiting.pop(number)
        timer.cancel()
        try:
            transition()
        finally:
            self._activity.end()
