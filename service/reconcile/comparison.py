"""Whether Stripe's object tells something that the database does not know.

This only decides what is worth sending. What an event changes is decided in Postgres, by the rules that
hold for every event, so a difference that is seen here by mistake changes nothing there.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from service.bookkeeping import Facts
    from service.reconcile.snapshots import Snapshot

_FINAL: Final = ("canceled", "succeeded")
_REFUND_ORDER: Final = ("pending", "requires_action", "succeeded", "canceled", "failed")
_FUNDS_ORDER: Final = ("untouched", "withdrawn", "reinstated")


class Verdict(Enum):
    """What comparing an object with the database shows."""

    AGREES = "agrees"
    MISSED = "missed"
    """Stripe tells more than the database knows."""
    UNPAID = "unpaid"
    """The database gives credits for a payment that Stripe does not have."""
    FOREIGN = "foreign"
    """The object belongs to no purchase of ours."""


def compare(snapshot: Snapshot, facts: Facts | None) -> Verdict:
    """Hold an object against what is known of its purchase; None if no purchase is known."""
    if snapshot.kind == "payment_intent":
        return _compare_payment(snapshot, facts)
    if facts is None:
        return Verdict.FOREIGN
    differs = _refund_differs if snapshot.kind == "refund" else _dispute_differs
    return Verdict.MISSED if differs(snapshot, facts) else Verdict.AGREES


def replaced_at(snapshot: Snapshot, facts: Facts | None) -> int | None:
    """When the known state was told that the snapshot's would replace."""
    if facts is None:
        return None
    if snapshot.kind == "dispute":
        known = facts.disputes.get(snapshot.id)
        return known.status_at if known else None
    return facts.payment_state_at


def _compare_payment(snapshot: Snapshot, facts: Facts | None) -> Verdict:
    if facts is None and snapshot.transaction_id is None:
        return Verdict.FOREIGN
    if facts is None or facts.payment_intent_id not in {None, snapshot.id}:
        # It claims a purchase that is not there or is paid by another one: of matter only if it took money.
        return Verdict.MISSED if snapshot.state == "succeeded" else Verdict.FOREIGN
    if facts.payment_intent_id is None:
        # The service died before it had tied the two.
        return Verdict.MISSED
    if facts.payment_state == "succeeded" and snapshot.state != "succeeded":
        return Verdict.UNPAID
    return Verdict.MISSED if _payment_differs(snapshot, facts) else Verdict.AGREES


def _payment_differs(snapshot: Snapshot, facts: Facts) -> bool:
    known = facts.payment_state
    if snapshot.state in {known, "pending"}:
        return False
    if snapshot.state in _FINAL:
        return True
    newer = facts.payment_state_at is None or snapshot.at > facts.payment_state_at
    return newer and known not in _FINAL


def _refund_differs(snapshot: Snapshot, facts: Facts) -> bool:
    known = facts.refunds.get(snapshot.id)
    if known is None or snapshot.state not in _REFUND_ORDER:
        return True
    return _REFUND_ORDER.index(snapshot.state) > _REFUND_ORDER.index(known)


def _dispute_differs(snapshot: Snapshot, facts: Facts) -> bool:
    known = facts.disputes.get(snapshot.id)
    if known is None:
        return True
    if _FUNDS_ORDER.index(snapshot.funds or "untouched") > _FUNDS_ORDER.index(known.funds):
        return True
    newer = known.status_at is None or snapshot.at > known.status_at
    return newer and (snapshot.state, snapshot.amount) != (known.status, known.amount_minor)
