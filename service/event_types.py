"""The events to register a webhook endpoint for: those that settlement reads, and no others."""

from __future__ import annotations

from typing import Final

WEBHOOK_PATH: Final = "/api/stripe/webhook"
"""Where Stripe sends them, on the service's own address."""

HANDLED_EVENT_TYPES: Final = (
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.succeeded",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
"""The types that `credits.apply_event` gives to a function; it ignores every other."""

MISMATCH_REASONS: Final = (
    "amount",
    "amount_received",
    "currency",
    "livemode",
    "malformed",
    "payment_intent",
    "status",
    "unknown_transaction",
    "user",
)
"""In what an event can fail to fit its purchase, as the schema says it."""
