"""How much is still going to happen by itself, and waiting until nothing is."""

from __future__ import annotations

import asyncio


class Activity:
    """Counts deliveries and planned transitions that are not over."""

    def __init__(self) -> None:
        self.pending = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def begin(self) -> None:
        """Something will happen."""
        self.pending += 1
        self._quiet.clear()

    def end(self) -> None:
        """It has happened, or never will."""
        self.pending -= 1
        if self.pending == 0:
            self._quiet.set()

    async def wait_until_quiet(self, timeout: float) -> bool:  # noqa: ASYNC109 - the caller is an HTTP client, it cannot cancel
        """Whether nothing is left to happen, after at most `timeout` seconds."""
        try:
            await asyncio.wait_for(self._quiet.wait(), timeout)
        except TimeoutError:
            return False
        return True
