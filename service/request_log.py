"""The outermost layer: a request id, one log line for each request, and the headers that every answer has."""

import re
import time
import uuid
from http import HTTPStatus
from typing import Final

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from service.telemetry import QUIET, Telemetry

_SANE_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_LONGEST_PATH: Final = 200

log = structlog.get_logger()


class RequestLog:
    """ASGI middleware around the whole application, 404 and 405 included.

    What a request's line holds besides method, path, status and duration_ms is bound while it is served, with
    `structlog.contextvars.bind_contextvars`. Queries, headers and bodies are never in it.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and log it."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        structlog.contextvars.clear_contextvars()
        request_id = _request_id(scope)
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        with self._telemetry.request(scope) as served:

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    served.status = message["status"]
                    headers = MutableScopeHeaders.from_message(message)
                    headers["X-Request-ID"] = request_id
                    headers["X-Content-Type-Options"] = "nosniff"
                    headers.setdefault("Cache-Control", "no-store")
                await send(message)

            try:
                await self.app(scope, receive, send_with_headers)
            finally:
                _write(scope, served.status, time.perf_counter() - started)


def _write(scope: HTTPScope, status: int, seconds: float) -> None:
    path = scope["path"]
    write = log.debug if path.startswith(QUIET) and status == HTTPStatus.OK else log.info
    write(
        "request",
        method=scope["method"],
        path=path[:_LONGEST_PATH],
        status=status,
        duration_ms=round(seconds * 1000, 2),
    )


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return uuid.uuid4().hex
