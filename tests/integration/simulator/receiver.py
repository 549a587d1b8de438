"""A web server that takes webhooks, and answers them as a test wants."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import stripe

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 60.0


def verify(received: Received, secret: str | None, *, body: bytes | None = None) -> stripe.Event:
    """The event, by the SDK's own check of its signature."""
    event: stripe.Event = stripe.Webhook.construct_event(
        received.body if body is None else body, received.signature, secret or ""
    )
    return event


@dataclass(frozen=True)
class Received:
    """One request: its signature header and its body, as they came."""

    signature: str
    body: bytes
    content_type: str

    @property
    def event(self) -> dict[str, Any]:
        """The event in the body."""
        event: dict[str, Any] = json.loads(self.body)
        return event


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Receiver:
    """Listens on a free port of 127.0.0.1; every answer is 200 until `answers` says otherwise.

    Attributes:
        url: Where webhooks go.
        requests: What came so far.
        answers: The status for each coming request, by its number from 0; a function of the request.
    """

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: Callable[[Received], int] = lambda _: 200
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The events that came, of one type or all."""
        return [r.event for r in list(self.requests) if kind in {None, r.event["type"]}]

    def wait_for(self, condition: Callable[[list[Received]], bool]) -> list[Received]:
        """Wait until what came satisfies the condition; what came."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not condition(self.requests):
                assert self._changed.wait(deadline - time.monotonic()), (
                    f"not in {PATIENCE} s; came: {[r.event['type'] for r in self.requests]}"
                )
            return list(self.requests)

    def _take(self, received: Received) -> int:
        with self._changed:
            status = self.answers(received)
            self.requests.append(received)
            self._changed.notify_all()
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received = Received(
                    self.headers.get("Stripe-Signature", ""), body, self.headers.get("Content-Type", "")
                )
                self.send_response(receiver._take(received))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
