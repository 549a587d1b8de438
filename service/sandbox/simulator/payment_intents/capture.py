"""Capturing and canceling: the two ends of money that was set aside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.cards import Decline
from service.sandbox.simulator.charges.charge import set_failure
from service.sandbox.simulator.context import copy_object
from service.sandbox.simulator.errors import invalid_parameter, unexpected_state
from service.sandbox.simulator.fields import set_metadata
from service.sandbox.simulator.payment_intents.intent import CHANGEABLE, check_suffix
from service.sandbox.simulator.payment_intents.outcomes import finish
from service.sandbox.simulator.refunds.refunding import release

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object

_CANCELED_DEBIT = Decline("charge_canceled", None, "The payment was canceled before it was debited.")


def capture_intent(context: Context, intent: Object, params: Object) -> None:
    """Take the money that was set aside, or part of it; the rest is released.

    Raises:
        StripeError: 400 in another status than `requires_capture`, or for more than was set aside.
    """
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only "
            "a PaymentIntent with one of the following statuses may be captured: requires_capture.",
            copy_object(intent),
        )
    capturable: int = intent["amount_capturable"]
    amount: int = params.get("amount_to_capture", capturable)
    if not 1 <= amount <= capturable:
        raise invalid_parameter(
            f"The amount to capture must be from 1 to the {capturable} that can be captured.",
            "amount_to_capture",
            "amount_too_large" if amount > 1 else "parameter_invalid_integer",
        )
    suffix = check_suffix(params.get("statement_descriptor_suffix", intent["statement_descriptor_suffix"]))
    set_metadata(intent, params)
    charge = latest_charge(context, intent)
    charge["statement_descriptor_suffix"] = suffix
    charge |= {"captured": True, "amount_captured": amount}
    context.emit("charge.captured", charge)
    if amount < charge["amount"]:
        release(context, charge, charge["amount"] - amount)
    finish(context, intent, charge, amount)


def cancel_intent(context: Context, intent: Object, params: Object) -> None:
    """End a PaymentIntent that has not taken money; money set aside is released.

    Raises:
        StripeError: 400 once it has succeeded or was canceled.
    """
    charge = latest_charge(context, intent) if intent["latest_charge"] else None
    debit = intent["status"] == "processing"
    if intent["status"] not in {*CHANGEABLE, "requires_capture", "processing"}:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be canceled: requires_payment_method, "
            "requires_capture, requires_confirmation, requires_action, processing.",
            copy_object(intent),
        )
    held = intent["status"] == "requires_capture"
    intent |= {
        "amount_capturable": 0,
        "canceled_at": int(time.time()),
        "cancellation_reason": params.get("cancellation_reason"),
        "next_action": None,
        "processing": None,
        "status": "canceled",
    }
    context.account.return_urls.pop(intent["id"], None)
    if charge is not None and held:
        release(context, charge, charge["amount"])
    if charge is not None and debit:
        set_failure(charge, _CANCELED_DEBIT)
        context.emit("charge.failed", charge)
    context.emit("payment_intent.canceled", intent)


def latest_charge(context: Context, intent: Object) -> Object:
    """The Charge of the last attempt, which must exist."""
    charge = context.account.charges.get(intent["latest_charge"])
    if charge is None:
        raise LookupError(f"{intent['id']} names a charge that does not exist")
    return charge
