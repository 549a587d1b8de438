"""The shape of a BalanceTransaction."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from service.sandbox.simulator.ids import new_id
from service.sandbox.simulator.money import stripe_fee

if TYPE_CHECKING:
    from service.sandbox.simulator.account import Account
    from service.sandbox.simulator.objects import Object

_SECONDS_TO_AVAILABLE = 7 * 24 * 3600
_DISPUTE_FEE = 1500  # in cents; Stripe's fee for a dispute in the US


def book_charge(account: Account, charge: Object, amount: int) -> Object:
    """The money of a captured charge, less Stripe's fee."""
    fee = stripe_fee(amount, charge["currency"])
    return _book(account, charge, amount, fee, kind="charge", description=charge["description"])


def book_refund(account: Account, refund: Object) -> Object:
    """The money of a refund. Stripe keeps its fee."""
    return _book(account, refund, -refund["amount"], 0, kind="refund", description="REFUND")


def book_refund_failure(account: Account, refund: Object) -> Object:
    """The money of a refund that came back."""
    return _book(
        account, refund, refund["amount"], 0, kind="refund_failure", description="REFUND FOR CHARGE (FAILED)"
    )


def book_dispute(account: Account, dispute: Object) -> Object:
    """The money that the bank took back, and the fee for it."""
    return _book(
        account,
        dispute,
        -dispute["amount"],
        _DISPUTE_FEE,
        kind="adjustment",
        description="Chargeback withdrawal",
    )


def book_dispute_reversal(account: Account, dispute: Object) -> Object:
    """The money of a dispute that was won."""
    return _book(account, dispute, dispute["amount"], 0, kind="adjustment", description="Chargeback reversal")


def _book(  # noqa: PLR0913 - the columns of a ledger
    account: Account, source: Object, amount: int, fee: int, *, kind: str, description: str | None
) -> Object:
    now = int(time.time())
    category = {"adjustment": "dispute" if amount < 0 else "dispute_reversal"}.get(kind, kind)
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Dispute fee" if kind == "adjustment" else "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    booked: Object = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + _SECONDS_TO_AVAILABLE,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": fees if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
    return account.balance_transactions.add(booked["id"], booked)
