"""What refunds do to their charge, and the events that tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.balance_transactions.balance_transaction import (
    book_refund,
    book_refund_failure,
)
from service.sandbox.simulator.cards import Card
from service.sandbox.simulator.errors import invalid_parameter, invalid_request
from service.sandbox.simulator.refunds.refund import new_refund, set_reference

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object


def refund_charge(context: Context, charge: Object, params: Object) -> Object:
    """Give back `amount`, or all that is left.

    Raises:
        StripeError: 400 if the charge has nothing to give back, or less than asked for.
    """
    _check_refundable(context, charge)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if amount < 1:
        raise invalid_parameter("Invalid positive integer", "amount", "parameter_invalid_integer")
    if amount > left:
        raise invalid_request(
            f"Refund amount ({amount} {charge['currency']}) is greater than unrefunded amount on charge "
            f"({left} {charge['currency']})",
            param="amount",
        )
    source = context.account.instruments[charge["payment_method"]].source
    course = source.refund if isinstance(source, Card) else "pending_then_succeeds"
    pending = course == "pending_then_succeeds"
    refund = new_refund(charge, amount, "pending" if pending else "succeeded", params)
    context.account.refunds.add(refund["id"], refund)
    refund["balance_transaction"] = book_refund(context.account, refund)["id"]
    _add_to_charge(charge, amount)
    context.emit("refund.created", refund)
    context.emit("charge.refunded", charge)
    if course == "succeeds_then_fails":
        context.plan(lambda later: fail_refund(later, refund, "expired_or_canceled_card"))
    elif pending:
        context.plan(lambda later: succeed_refund(later, refund))
    else:
        context.plan(lambda later: _tell_reference(later, refund))
    return refund


def release(context: Context, charge: Object, amount: int) -> None:
    """Give back money that was only set aside: a refund without a balance transaction."""
    refund = new_refund(charge, amount, "succeeded", {})
    context.account.refunds.add(refund["id"], refund)
    _add_to_charge(charge, amount)
    context.emit("refund.created", refund)
    context.emit("charge.refunded", charge)


def succeed_refund(context: Context, refund: Object) -> None:
    """A pending refund has arrived. One that is over already stays as it is."""
    if refund["status"] not in {"pending", "requires_action"}:
        return
    previous = {"status": refund["status"]}
    refund.pop("pending_reason", None)
    refund.pop("next_action", None)
    refund["status"] = "succeeded"
    previous |= set_reference(refund)
    _tell_update(context, refund, previous)


def fail_refund(context: Context, refund: Object, reason: str) -> None:
    """A refund came back, so its amount is not refunded any more. One that is over so stays as it is."""
    if refund["status"] in {"failed", "canceled"}:
        return
    _give_up(context, refund, "failed")
    refund["failure_reason"] = reason
    context.emit("refund.failed", refund)
    context.emit("charge.refund.updated", refund)


def cancel_refund(context: Context, refund: Object) -> None:
    """Call back a refund that waits for its customer.

    Raises:
        StripeError: 400 in any other status.
    """
    if refund["status"] != "requires_action":
        raise invalid_request(
            f"The refund {refund['id']} cannot be canceled because its status is {refund['status']}. Only "
            "refunds with the status requires_action can be canceled."
        )
    previous = {"status": refund["status"]}
    _give_up(context, refund, "canceled")
    _tell_update(context, refund, previous)


def require_action(context: Context, refund: Object) -> None:
    """A pending refund turns out to need the customer's bank details.

    Raises:
        StripeError: 400 if it is not pending.
    """
    if refund["status"] != "pending":
        raise invalid_request(f"The refund {refund['id']} is not pending but {refund['status']}.")
    previous = {"status": "pending"}
    refund.pop("pending_reason", None)
    refund |= {
        "status": "requires_action",
        "next_action": {
            "display_details": {
                "email_sent": {
                    "email_sent_at": refund["created"],
                    "email_sent_to": "jenny.rosen@example.com",
                },
                "expires_at": refund["created"] + 45 * 24 * 3600,
            },
            "type": "display_details",
        },
    }
    _tell_update(context, refund, previous)


def _give_up(context: Context, refund: Object, status: str) -> None:
    charge = context.account.charges.get(refund["charge"])
    if charge is None:
        raise LookupError(f"{refund['id']} names a charge that does not exist")
    refund.pop("pending_reason", None)
    refund.pop("next_action", None)
    refund["status"] = status
    refund["failure_balance_transaction"] = book_refund_failure(context.account, refund)["id"]
    _add_to_charge(charge, -refund["amount"])


def _add_to_charge(charge: Object, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]


def _tell_reference(context: Context, refund: Object) -> None:
    if refund["status"] == "succeeded":
        _tell_update(context, refund, set_reference(refund))


def _tell_update(context: Context, refund: Object, previous: Object) -> None:
    context.emit("refund.updated", refund, previous)
    context.emit("charge.refund.updated", refund, previous)


def _check_refundable(context: Context, charge: Object) -> None:
    if charge["refunded"]:
        raise invalid_request(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if not charge["paid"] or not charge["captured"]:
        raise invalid_request(f"Charge {charge['id']} has not been captured, so there is nothing to refund.")
    disputes = context.account.disputes.newest_first()
    if any(d["charge"] == charge["id"] and not d["is_charge_refundable"] for d in disputes):
        raise invalid_request(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
