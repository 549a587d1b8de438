"""How an attempt to pay ends, written into the PaymentIntent and its Charge, and told by events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.balance_transactions.balance_transaction import book_charge
from service.sandbox.simulator.cards import Card, Decline
from service.sandbox.simulator.charges.charge import new_charge, set_failure
from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.disputes.opening import open_dispute_of_card
from service.sandbox.simulator.errors import StripeError, doc_url
from service.sandbox.simulator.payment_methods.attaching import attach_to_customer

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object


def authorize(context: Context, intent: Object, method: Object, *, authenticated: bool) -> None:
    """The bank said yes: the money is taken, or set aside if the PaymentIntent is captured by hand."""
    account = context.account
    instrument = account.instruments[method["id"]]
    by_hand = intent["capture_method"] == "manual"
    charge = new_charge(
        intent, method, instrument, status="succeeded", captured=not by_hand, authenticated=authenticated
    )
    account.charges.add(charge["id"], charge)
    intent |= {"latest_charge": charge["id"], "last_payment_error": None, "next_action": None}
    _keep_or_spend(context, intent, method, authenticated=authenticated)
    context.emit("charge.succeeded", charge)
    if by_hand:
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        context.emit("payment_intent.amount_capturable_updated", intent)
        return
    finish(context, intent, charge, intent["amount"])


def finish(context: Context, intent: Object, charge: Object, amount: int) -> None:
    """The money is ours: the PaymentIntent has succeeded, and a disputing card now disputes."""
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0, "processing": None}
    context.emit("payment_intent.succeeded", intent)
    booked = book_charge(context.account, charge, amount)
    charge["balance_transaction"] = booked["id"]
    context.emit("charge.updated", charge, {"balance_transaction": None})
    source = context.account.instruments[charge["payment_method"]].source
    if isinstance(source, Card) and source.dispute is not None:
        open_dispute_of_card(context, charge, source.dispute)


def decline(context: Context, intent: Object, method: Object, reason: Decline) -> StripeError:
    """The bank, or Stripe, said no: a failed Charge, and the PaymentIntent wants another payment method.

    Returns:
        The error for the caller who confirmed; after a 3-D Secure challenge there is none to tell.
    """
    account = context.account
    instrument = account.instruments[method["id"]]
    charge = new_charge(intent, method, instrument, status="failed", captured=False, decline=reason)
    account.charges.add(charge["id"], charge)
    context.emit("charge.failed", charge)
    return fail(context, intent, method, reason, charge)


def decline_pending(
    context: Context, intent: Object, method: Object, reason: Decline, charge: Object
) -> None:
    """A debit that was processing came back."""
    set_failure(charge, reason)
    context.emit("charge.failed", charge)
    fail(context, intent, method, reason, charge)


def fail(context: Context, intent: Object, method: Object, reason: Decline, charge: Object) -> StripeError:
    """Take the failure of this Charge into the PaymentIntent."""
    error: Object = {
        "advice_code": "try_again_later" if method["type"] == "card" and not reason.blocked else None,
        "charge": charge["id"],
        "code": reason.code,
        "decline_code": reason.decline_code,
        "doc_url": doc_url(reason.code),
        "message": reason.message,
        "network_decline_code": charge["outcome"]["network_decline_code"],
        "param": reason.param,
        "payment_method": copy_object(method),
        "type": "card_error" if method["type"] == "card" else "invalid_request_error",
    }
    error = {name: value for name, value in error.items() if value is not None}
    require_payment_method(context, intent, error, latest_charge=charge["id"])
    told = {name: value for name, value in error.items() if name not in {"message", "type", "doc_url"}}
    return StripeError(402, "card_error", reason.message, payment_intent=copy_object(intent), **told)


def require_payment_method(
    context: Context, intent: Object, error: Object, *, latest_charge: str | None
) -> None:
    """Send the PaymentIntent back to its start, with the error to show; nothing is final about it."""
    intent |= {
        "last_payment_error": error,
        "latest_charge": latest_charge,
        "next_action": None,
        "payment_method": None,
        "processing": None,
        "status": "requires_payment_method",
    }
    context.emit("payment_intent.payment_failed", intent)


def _keep_or_spend(context: Context, intent: Object, method: Object, *, authenticated: bool) -> None:
    instrument = context.account.instruments[method["id"]]
    if intent["setup_future_usage"] and intent["customer"]:
        attach_to_customer(context, method, intent["customer"])
        instrument.set_up = authenticated or instrument.set_up
    if method["customer"] is None:
        instrument.spent = True
