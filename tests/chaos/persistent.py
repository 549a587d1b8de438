"""A client that asks again until it is answered, as Stripe does and as a page should."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 120.0
"""Seconds after which a request that is never answered fails the test."""

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_CONNECTIONS = httpx.Limits(max_connections=200, max_keepalive_connections=200)


class PersistentClient:
    """Repeats a request, unchanged, while its answer is lost on the way or is a 5xx.

    Attributes:
        in_flight: How many requests wait for their answer now.
        cut: How many lost theirs with the connection.
        refused: How many were answered 5xx, by status.
    """

    def __init__(self, base_url: str) -> None:
        # A proxy named in the environment is for the outside world.
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=PATIENCE, limits=_CONNECTIONS, trust_env=False
        )
        self.in_flight = 0
        self.cut = 0
        self.refused: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    @property
    def failures(self) -> int:
        """How many requests had to be sent again."""
        return self.cut + self.refused.total()

    async def post(self, path: str, *, headers: Mapping[str, str], **body: Any) -> httpx.Response:
        """POST until the answer is no failure of the server."""
        deadline = time.monotonic() + PATIENCE
        pause = _FIRST_PAUSE
        while (answer := await self.post_once(path, headers=headers, **body)) is None:
            assert time.monotonic() < deadline, f"{path} failed for {PATIENCE:.0f} s"
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return answer

    async def post_once(self, path: str, *, headers: Mapping[str, str], **body: Any) -> httpx.Response | None:
        """POST; None if nothing is known afterwards but that the server failed."""
        self.in_flight += 1
        try:
            answer = await self._http.post(path, headers=dict(headers), **body)
        except httpx.TransportError:
            self.cut += 1
            return None
        finally:
            self.in_flight -= 1
        if answer.is_server_error:
            self.refused[answer.status_code] += 1
            return None
        return answer
