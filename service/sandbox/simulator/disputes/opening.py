"""How a dispute begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox.simulator.balance_transactions.balance_transaction import book_dispute
from service.sandbox.simulator.disputes.dispute import new_dispute

if TYPE_CHECKING:
    from service.sandbox.simulator.cards import DisputeKind
    from service.sandbox.simulator.context import Context
    from service.sandbox.simulator.objects import Object


def open_dispute(
    context: Context, charge: Object, *, reason: str, inquiry: bool, amount: int | None = None
) -> Object:
    """The customer's bank asks (`inquiry`), or takes the money back.

    Args:
        context: The surroundings.
        charge: A paid charge.
        reason: Why, in Stripe's words.
        inquiry: Whether no money moves yet.
        amount: How much; all of the charge if None.
    """
    dispute = new_dispute(charge, charge["amount"] if amount is None else amount, reason, inquiry=inquiry)
    context.account.disputes.add(dispute["id"], dispute)
    charge["disputed"] = True
    if not inquiry:
        dispute["balance_transactions"] = [book_dispute(context.account, dispute)]
    context.emit("charge.dispute.created", dispute)
    if not inquiry:
        context.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def open_dispute_of_card(context: Context, charge: Object, kind: DisputeKind) -> None:
    """The dispute that a test card brings with every payment."""
    if kind == "multiple":
        half = charge["amount"] // 2
        open_dispute(context, charge, reason="fraudulent", inquiry=False, amount=half)
        open_dispute(context, charge, reason="fraudulent", inquiry=False, amount=charge["amount"] - half)
    elif kind == "inquiry":
        open_dispute(context, charge, reason="fraudulent", inquiry=True)
    else:
        open_dispute(context, charge, reason=kind, inquiry=False)
