"""HTTP to webhook endpoints, each over connections of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CONNECTIONS: Final = 16
_HEADERS: Final = {
    "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    "Content-Type": "application/json; charset=utf-8",
    "Accept": "*/*; q=0.5, application/xml",
    "Cache-Control": "no-cache",
}


class Sender:
    """Posts webhooks, at most sixteen at a time to one endpoint, so that a slow one keeps only itself busy.

    A transport holds one connection: a pool's bookkeeping grows with what waits for it, and costs more than
    the request from a few dozen on.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = dict.fromkeys(("connect", "read", "write", "pool"), timeout)
        self._tls = httpx.create_ssl_context()
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_CONNECTIONS)
        )
        self._idle: defaultdict[str, list[httpx.AsyncHTTPTransport]] = defaultdict(list)

    @asynccontextmanager
    async def turn(self, endpoint_id: str) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """Wait for one of the endpoint's connections, and keep it for the block."""
        async with self._slots[endpoint_id]:
            idle = self._idle[endpoint_id]
            transport = idle.pop() if idle else self._new_transport()
            try:
                yield transport
            finally:
                idle.append(transport)

    async def post(
        self, transport: httpx.AsyncHTTPTransport, url: str, payload: bytes, signature: str
    ) -> int:
        """Send one webhook; the status of the answer. Redirects are not followed, as Stripe follows none.

        Raises:
            httpx.HTTPError: The endpoint could not be reached, or did not answer in time.
        """
        request = httpx.Request(
            "POST",
            url,
            content=payload,
            headers={**_HEADERS, "Stripe-Signature": signature},
            extensions={"timeout": self._timeout},
        )
        response = await transport.handle_async_request(request)
        await response.aread()
        return response.status_code

    async def close(self) -> None:
        """Close the connections; nothing may be under way."""
        for idle in self._idle.values():
            for transport in idle:
                await transport.aclose()

    def _new_transport(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._tls, limits=httpx.Limits(max_connections=1))
