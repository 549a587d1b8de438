"""POST /api/stripe/webhook: verified, projected, recorded."""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import structlog
from litestar import MediaType, Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from service.bodies import read_body
from service.contract import WEBHOOK_RESPONSES, Success, WebhookOperation
from service.errors import FAILURE_TEXT, InvalidRequestError, TopupError
from service.events import project_event
from service.ledger import EventOutcome
from service.recorder import EventRecorder
from service.signature import verify_signature
from service.telemetry import Telemetry

MAX_BODY: Final = 1024 * 1024
"""Bytes of a webhook. Stripe's events are some kilobytes."""

log = structlog.get_logger()


class WebhookReceiver:
    """Takes the raw bytes of a webhook to the recorder, or refuses them, and tells what became of each."""

    def __init__(self, secrets: Sequence[str], recorder: EventRecorder, telemetry: Telemetry) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._recorder = recorder
        self._telemetry = telemetry

    async def receive(self, signatures: Sequence[bytes], body: bytes, arrived: float) -> None:
        """Verify, project, record and count what arrived at that moment of `time.perf_counter`."""
        try:
            recorded = await self._receive(signatures, body)
        except TopupError as error:
            refused = isinstance(error, InvalidRequestError)
            self._telemetry.count_webhook("refused" if refused else "failed", None)
            raise
        self._telemetry.count_webhook(recorded.outcome, recorded.reason)
        self._telemetry.observe_commit(time.perf_counter() - arrived)

    async def _receive(self, signatures: Sequence[bytes], body: bytes) -> EventOutcome:
        # Nothing reads the body before its signature is verified.
        verify_signature(signatures, body, self._secrets, time.time())
        event = project_event(body)
        structlog.contextvars.bind_contextvars(event_id=event["id"], event_type=event["type"])
        if "malformed" in event:
            log.warning("event malformed", why=event["malformed"])
        recorded = await self._recorder.record(event)
        structlog.contextvars.bind_contextvars(outcome=recorded.outcome, reason=recorded.reason)
        if recorded.transaction_id is not None:
            structlog.contextvars.bind_contextvars(transaction_id=str(recorded.transaction_id))
        if recorded.outcome == "mismatch":
            log.warning("event does not fit its purchase")
        return recorded


def webhook_route(receiver: WebhookReceiver) -> HTTPRouteHandler:
    """The endpoint that gives webhooks to this receiver. The answer is made once, not at each request."""
    received = ASGIResponse(body=msgspec.json.encode(Success()), media_type=MediaType.JSON)

    @post(
        "/webhook",
        summary="Webhook Endpoint",
        status_code=200,
        operation_class=WebhookOperation,
        responses=WEBHOOK_RESPONSES,
        opt={FAILURE_TEXT: "Failed to process webhook"},
    )
    async def receive_webhook(request: Request[Any, Any, Any]) -> ASGIResponse:
        """Take an event of Stripe, proved by its signature. Any 2xx answer means that it is stored."""
        arrived = time.perf_counter()
        signatures = [value for name, value in request.scope["headers"] if name == b"stripe-signature"]
        await receiver.receive(signatures, await read_body(request, MAX_BODY), arrived)
        return received

    return receive_webhook
