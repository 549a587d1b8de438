"""The service ends while it is at work, and starts again."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

from tests.chaos.persistent import PATIENCE

if TYPE_CHECKING:
    from service.sandbox.stack import Stack
    from tests.chaos.persistent import PersistentClient

End = Literal["kill", "stop"]


class Restarter:
    """Ends the service with SIGKILL or SIGTERM, one time after the other.

    Attributes:
        ends: How it ended each time, and how many requests were in flight then.
    """

    def __init__(self, stack: Stack, client: PersistentClient) -> None:
        self._stack = stack
        self._client = client
        self._one_at_a_time = asyncio.Lock()
        self.ends: list[tuple[End, int]] = []

    async def restart(self, end: End) -> None:
        """Wait until something is in flight, end the service, and start it."""
        async with self._one_at_a_time:
            await wait_for_traffic(self._client)
            self.ends.append((end, self._client.in_flight))
            if end == "kill":
                self._stack.kill_service()
            await asyncio.to_thread(self._stack.restart_service)


async def wait_for_traffic(client: PersistentClient) -> None:
    """Wait until a request of the client waits for its answer."""
    deadline = time.monotonic() + PATIENCE
    while not client.in_flight:
        assert time.monotonic() < deadline, "nothing is sent any more"
        await asyncio.sleep(0.001)
