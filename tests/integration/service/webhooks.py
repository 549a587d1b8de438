"""Webhooks as Stripe sends them: events around an object, signed over their bytes."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

from service.event_types import WEBHOOK_PATH

if TYPE_CHECKING:
    import httpx

    from tests.integration.service.shop import Shop

Event = dict[str, Any]


def event_of(obj: dict[str, Any], event_type: str, **changes: Any) -> Event:
    """An event of the pinned version about an object; `changes` replace fields of the event."""
    return {
        "id": f"evt_{uuid.uuid4().hex}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "data": {"object": obj},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
        **changes,
    }


def succeeded(intent: dict[str, Any], **changes: Any) -> Event:
    """`payment_intent.succeeded` of a PaymentIntent; `changes` replace fields of the PaymentIntent."""
    paid = {**intent, "status": "succeeded", "amount_received": intent["amount"], **changes}
    return event_of(paid, "payment_intent.succeeded")


def encode(event: object) -> bytes:
    """The event as Stripe writes it, indented."""
    return json.dumps(event, indent=2).encode()


def sign(body: bytes, secret: str, *, at: int | None = None, signed: bytes | None = None) -> str:
    """A Stripe-Signature header over the body, or over other bytes if `signed` is given."""
    timestamp = int(time.time()) if at is None else at
    payload = b"%d." % timestamp + (body if signed is None else signed)
    return f"t={timestamp},v1={hmac.digest(secret.encode(), payload, 'sha256').hex()}"


def deliver(shop: Shop, event: object) -> httpx.Response:
    """Send one event, signed now."""
    body = encode(event)
    return post(shop, body, sign(body, shop.webhook_secret))


def post(shop: Shop, body: bytes, *signatures: str | bytes) -> httpx.Response:
    """Send bytes with any number of Stripe-Signature headers."""
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    for signature in signatures:
        raw = signature.encode() if isinstance(signature, str) else signature
        headers.append((b"stripe-signature", raw))
    return shop.http.post(WEBHOOK_PATH, content=body, headers=headers)
