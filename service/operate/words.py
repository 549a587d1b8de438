"""Events in plain words, for somebody who does not know Stripe's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from service.operate.money import show_amount

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.operate.explanation import Entry, Event

_REASONS: Final = {
    "not_ours": "it belongs to no purchase here",
    "type": "this type changes nothing here",
    "unknown_transaction": "there is no such purchase here",
    "payment_intent": "the purchase has another PaymentIntent",
    "livemode": "test mode and live mode do not mix",
    "user": "it names another user",
    "currency": "its currency is not the purchase's",
    "amount": "its amount is not the purchase's",
    "amount_received": "another amount was paid than the purchase's",
    "status": "its status does not fit",
    "malformed": "its fields are not what Stripe documents",
}

_PAYMENTS: Final = {
    "payment_intent.created": "payment of {amount} created",
    "payment_intent.requires_action": "payment of {amount} waits for the buyer to confirm it",
    "payment_intent.processing": "payment of {amount} is being processed",
    "payment_intent.payment_failed": "payment of {amount} failed{failure}",
    "payment_intent.canceled": "payment of {amount} canceled{why}",
    "payment_intent.succeeded": "payment of {amount} succeeded",
}

_REFUND_STATUSES: Final = {
    "pending": "is on its way",
    "requires_action": "waits for the buyer's bank details",
    "succeeded": "succeeded",
    "failed": "failed",
    "canceled": "was canceled",
}

_DISPUTE_CLOSED: Final = {
    "won": "dispute of {amount} won",
    "lost": "dispute of {amount} lost",
    "warning_closed": "inquiry about {amount} closed",
}


def tell(event: Event) -> str:
    """What an event says happened."""
    found: Mapping[str, Any] = event.payload.get("object") or {}
    amount = _amount(found, "amount")
    if event.type in _PAYMENTS:
        return _PAYMENTS[event.type].format(amount=amount, failure=_failure(found), why=_why(found))
    if event.type == "charge.refunded":
        return f"{_amount(found, 'amount_refunded')} of the charge refunded so far"
    if event.type.startswith(("refund.", "charge.refund.")):
        status = found.get("status") or "pending"
        reason = f": {found['failure_reason']}" if found.get("failure_reason") else ""
        return f"refund of {amount} {_REFUND_STATUSES.get(status, status)}{reason}"
    if event.type.startswith("charge.dispute."):
        return _tell_dispute(event.type, found, amount)
    return event.type


def tell_outcome(event: Event) -> str:
    """Why an event was not taken over; empty if it was."""
    if event.outcome == "applied":
        return ""
    if event.outcome == "failed":
        return f"NOT STORED: {event.reason}"
    verdict = "NOT TAKEN OVER" if event.outcome == "mismatch" else "ignored"
    return f"{verdict}: {_REASONS.get(event.reason or '', event.reason)}"


def tell_entry(entry: Entry) -> str:
    """What a ledger entry did that no event of Stripe caused."""
    what = " ".join(entry.description.split())
    match entry.kind:
        case "grant":
            return f"given: {what}"
        case "spend" if entry.key.startswith("capture:"):
            return f"used, of a hold: {what}"
        case "spend":
            return f"used: {what}"
        case "spend_refund":
            return f"given back of entry {entry.spend_id}: {what}"
        case "expiry":
            return f"expired: {what.removeprefix('Expiry of ')}"
        case _:
            return what


def tell_source(entry: Entry) -> str:
    """Which entry it is, and from or to which lots it moved credits."""
    if not entry.lots:
        return f"entry {entry.id}"
    lots = sorted(entry.lots, key=int)
    way = "to" if entry.amount > 0 else "from"
    return f"entry {entry.id}, {way} lot{'s' if len(lots) > 1 else ''} {', '.join(lots)}"


def _tell_dispute(event_type: str, found: Mapping[str, Any], amount: str) -> str:
    status, reason = found.get("status") or "", f": {found['reason']}" if found.get("reason") else ""
    match event_type:
        case "charge.dispute.created" if status.startswith("warning"):
            return f"the buyer's bank asks about {amount}{reason}"
        case "charge.dispute.created":
            return f"the buyer disputes {amount}{reason}"
        case "charge.dispute.funds_withdrawn":
            return f"{amount} withdrawn for the dispute"
        case "charge.dispute.funds_reinstated":
            return f"{amount} given back after the dispute"
        case "charge.dispute.closed":
            return _DISPUTE_CLOSED.get(status, "dispute of {amount} closed").format(amount=amount)
        case _:
            return f"dispute of {amount} is now {status.replace('_', ' ')}"


def _amount(found: Mapping[str, Any], field: str) -> str:
    if not isinstance(found.get(field), int):
        return "an unknown amount"
    return show_amount(found[field], found.get("currency") or "")


def _failure(found: Mapping[str, Any]) -> str:
    error = found.get("last_payment_error") or {}
    told = error.get("message") or error.get("decline_code") or error.get("code")
    return f": {told}" if told else ""


def _why(found: Mapping[str, Any]) -> str:
    return f" ({found['cancellation_reason']})" if found.get("cancellation_reason") else ""
