"""uvicorn's HTTP/1.1 protocol, with the limits on a request's head that it lacks."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import Failure

if TYPE_CHECKING:
    import asyncio
    from asyncio import TimerHandle

MAX_OVERHEAD: Final = 64 * 1024
"""Bytes of one request that are not its body: request line, headers, chunk sizes, trailers."""

HEAD_SECONDS: Final = 30.0
"""How long a client may take to send the whole head of a request, a new connection's wait included."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Refuses a head that is too large with 431, and hangs up on one that takes too long.

    httptools collects headers without an end, so one connection could fill the machine's memory.
    """

    _overhead = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Give the first request's head its time."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count it until it turns out to be body."""
        if self.transport.is_closing():
            return
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_OVERHEAD and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request head is too large")

    def on_message_begin(self) -> None:
        """Give a further request's head its time."""
        super().on_message_begin()
        if self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_headers_complete(self) -> None:
        """The head is whole: hand the request over."""
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Body is not overhead; the application limits it."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count the next request from nothing."""
        self._overhead = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words, replaced by ours
        """Answer what is no HTTP; uvicorn calls this."""
        self._refuse(HTTPStatus.BAD_REQUEST, "Invalid HTTP request")

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer in the envelope, below the application, and hang up."""
        body = msgspec.json.encode(Failure(error=message))
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
