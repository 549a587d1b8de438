from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from service.bookkeeping import DisputeFacts, Facts
from service.reconcile.comparison import Verdict, compare, replaced_at
from service.reconcile.snapshots import Snapshot

AT = 1_700_000_000
PURCHASE = uuid.UUID("11111111-1111-4111-8111-111111111111")


def known(payment_state: str = "pending", at: int | None = None, **fields: Any) -> Facts:
    values: dict[str, Any] = {
        "transaction_id": PURCHASE,
        "user_id": PURCHASE,
        "livemode": False,
        "payment_intent_id": "pi_1",
        "amount": Decimal(5),
        "currency": "usd",
        "status": payment_state,
        "refunded_amount": Decimal(0),
        "disputed_amount": Decimal(0),
        "credits": Decimal(0),
        "payment_state": payment_state,
        "payment_state_at": at,
        "refunds": {},
        "disputes": {},
        **fields,
    }
    return Facts(**values)


def payment(state: str, **fields: Any) -> Snapshot:
    values: dict[str, Any] = {
        "kind": "payment_intent",
        "id": "pi_1",
        "payment_intent": "pi_1",
        "transaction_id": PURCHASE,
        "type": "payment_intent.created",
        "state": state,
        "funds": None,
        "amount": 500,
        "at": AT,
        "raw": msgspec.Raw(b"{}"),
        **fields,
    }
    return Snapshot(**values)


def refund(status: str) -> Snapshot:
    return payment(status, kind="refund", id="re_1", transaction_id=None)


def dispute(status: str, funds: str, amount: int = 500) -> Snapshot:
    return payment(status, kind="dispute", id="du_1", transaction_id=None, funds=funds, amount=amount)


def with_dispute(status: str, funds: str, at: int = AT - 9) -> Facts:
    return known("succeeded", AT, disputes={"du_1": DisputeFacts(status, at, 500, funds)})


@pytest.mark.parametrize(
    ("told", "facts", "verdict"),
    [
        (payment("succeeded"), known("pending"), Verdict.MISSED),
        (payment("succeeded"), known("failed", AT + 99), Verdict.MISSED),
        (payment("succeeded"), known("canceled", AT + 99), Verdict.MISSED),
        (payment("succeeded"), known("succeeded", AT - 9), Verdict.AGREES),
        (payment("canceled"), known("processing", AT + 99), Verdict.MISSED),
        (payment("canceled"), known("canceled", AT - 9), Verdict.AGREES),
        (payment("failed"), known("pending"), Verdict.MISSED),
        (payment("failed"), known("processing", AT - 9), Verdict.MISSED),
        # The database has heard of something later than the snapshot.
        (payment("failed"), known("processing", AT), Verdict.AGREES),
        (payment("processing"), known("canceled", AT - 9), Verdict.AGREES),
        # An unpaid PaymentIntent tells nothing new of a purchase that has it.
        (payment("pending"), known("pending"), Verdict.AGREES),
        (payment("pending"), known("failed", AT - 9), Verdict.AGREES),
        # The service died before it had tied them.
        (payment("pending"), known("pending", payment_intent_id=None), Verdict.MISSED),
        (payment("succeeded"), known("pending", payment_intent_id=None), Verdict.MISSED),
        # Credits without a payment.
        (payment("pending"), known("succeeded", AT - 9), Verdict.UNPAID),
        (payment("canceled"), known("succeeded", AT - 9), Verdict.UNPAID),
        # A second PaymentIntent of one purchase, or one of a purchase that is lost.
        (payment("succeeded"), known("succeeded", payment_intent_id="pi_2"), Verdict.MISSED),
        (payment("pending"), known("pending", payment_intent_id="pi_2"), Verdict.FOREIGN),
        (payment("succeeded"), None, Verdict.MISSED),
        (payment("failed"), None, Verdict.FOREIGN),
        (payment("succeeded", transaction_id=None), None, Verdict.FOREIGN),
    ],
)
def test_payments(told: Snapshot, facts: Facts | None, verdict: Verdict) -> None:
    assert compare(told, facts) is verdict


@pytest.mark.parametrize(
    ("status", "before", "verdict"),
    [
        ("succeeded", None, Verdict.MISSED),
        ("succeeded", "pending", Verdict.MISSED),
        ("failed", "succeeded", Verdict.MISSED),
        ("canceled", "requires_action", Verdict.MISSED),
        ("succeeded", "succeeded", Verdict.AGREES),
        ("pending", "succeeded", Verdict.AGREES),
        ("succeeded", "failed", Verdict.AGREES),
        ("unheard_of", "succeeded", Verdict.MISSED),
    ],
)
def test_refunds(status: str, before: str | None, verdict: Verdict) -> None:
    facts = known("succeeded", AT, refunds={} if before is None else {"re_1": before})
    assert compare(refund(status), facts) is verdict
    assert compare(refund(status), None) is Verdict.FOREIGN


@pytest.mark.parametrize(
    ("told", "facts", "verdict"),
    [
        (dispute("needs_response", "withdrawn"), known("succeeded", AT), Verdict.MISSED),
        (
            dispute("needs_response", "withdrawn"),
            with_dispute("needs_response", "untouched", AT + 99),
            Verdict.MISSED,
        ),
        (dispute("won", "reinstated"), with_dispute("needs_response", "withdrawn"), Verdict.MISSED),
        (dispute("under_review", "withdrawn"), with_dispute("needs_response", "withdrawn"), Verdict.MISSED),
        (
            dispute("needs_response", "withdrawn", 400),
            with_dispute("needs_response", "withdrawn"),
            Verdict.MISSED,
        ),
        (
            dispute("needs_response", "withdrawn"),
            with_dispute("under_review", "withdrawn", AT),
            Verdict.AGREES,
        ),
        (dispute("won", "reinstated"), with_dispute("won", "reinstated"), Verdict.AGREES),
        (dispute("lost", "withdrawn"), None, Verdict.FOREIGN),
    ],
)
def test_disputes(told: Snapshot, facts: Facts | None, verdict: Verdict) -> None:
    assert compare(told, facts) is verdict


def test_what_a_snapshot_replaces_is_the_newest_known_state() -> None:
    facts = with_dispute("under_review", "withdrawn", AT - 9)
    assert replaced_at(dispute("lost", "withdrawn"), facts) == AT - 9
    assert replaced_at(dispute("lost", "withdrawn"), known()) is None
    assert replaced_at(payment("failed"), facts) == AT
    assert replaced_at(payment("failed"), None) is None
