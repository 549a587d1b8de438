"""How a dispute goes on and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.balance_transactions.balance_transaction import (
    book_dispute,
    book_dispute_reversal,
)
from service.sandbox.simulator.errors import invalid_request

if TYPE_CHECKING:
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object

OPEN = frozenset({"needs_response", "under_review"})
INQUIRING = frozenset({"warning_needs_response", "warning_under_review"})


def win_dispute(context: Context, dispute: Object) -> None:
    """The bank decides for the merchant and gives the money back.

    Raises:
        StripeError: 400 if the dispute is not open.
    """
    previous = _end(dispute, OPEN, "won")
    dispute["balance_transactions"].append(book_dispute_reversal(context.account, dispute))
    dispute["is_charge_refundable"] = True
    context.emit("charge.dispute.funds_reinstated", dispute, previous)
    context.emit("charge.dispute.closed", dispute, previous)


def lose_dispute(context: Context, dispute: Object) -> None:
    """The bank decides for the customer, or the merchant gives in; the money stays with the customer.

    Raises:
        StripeError: 400 if the dispute is not open.
    """
    context.emit("charge.dispute.closed", dispute, _end(dispute, OPEN, "lost"))


def close_inquiry(context: Context, dispute: Object) -> None:
    """The bank asks no further; no money has moved.

    Raises:
        StripeError: 400 if it is no open inquiry.
    """
    context.emit("charge.dispute.closed", dispute, _end(dispute, INQUIRING, "warning_closed"))


def escalate_inquiry(context: Context, dispute: Object) -> None:
    """The question becomes a chargeback: now the money is withdrawn.

    Raises:
        StripeError: 400 if it is no open inquiry.
    """
    previous = _end(dispute, INQUIRING, "needs_response")
    dispute["is_charge_refundable"] = False
    dispute["balance_transactions"].append(book_dispute(context.account, dispute))
    if dispute["payment_method_details"] is not None:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    context.emit("charge.dispute.updated", dispute, previous)
    context.emit("charge.dispute.funds_withdrawn", dispute)


def close_dispute(context: Context, dispute: Object) -> None:
    """The merchant does not contest it.

    Raises:
        StripeError: 400 if it is over already.
    """
    if dispute["status"] in INQUIRING:
        close_inquiry(context, dispute)
    else:
        lose_dispute(context, dispute)


def _end(dispute: Object, allowed: frozenset[str], status: str) -> Object:
    if dispute["status"] not in allowed:
        raise invalid_request(
            f"The dispute {dispute['id']} is {dispute['status']}; this is possible only from "
            f"{' or '.join(sorted(allowed))}."
        )
    previous = {"status": dispute["status"]}
    dispute["status"] = status
    return previous
