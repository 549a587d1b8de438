"""What a run found and did. Everything here is in `--json`."""

from __future__ import annotations

import uuid  # noqa: TC003 - msgspec reads the annotations
from datetime import datetime  # noqa: TC003
from decimal import Decimal  # noqa: TC003
from typing import Any, Literal

import msgspec

from service.bookkeeping import Facts  # noqa: TC001


class State(msgspec.Struct):
    """How a purchase stands. Amounts are in the currency's major unit."""

    status: str
    credits: Decimal
    refunded_amount: Decimal
    disputed_amount: Decimal

    @classmethod
    def of(cls, facts: Facts) -> State:
        """What the database shows of a purchase."""
        return cls(facts.status, facts.credits, facts.refunded_amount, facts.disputed_amount)


class Sent(msgspec.Struct):
    """An event that was missing here, or the state of an object that differed. A dry run sends none."""

    id: str
    type: str


class Change(msgspec.Struct):
    """A purchase about which something was missing. `now` is None in a dry run."""

    transaction_id: uuid.UUID
    user_id: uuid.UUID
    payment_intent: str | None
    was: State
    now: State | None
    sent: list[Sent]


class Unmended(msgspec.Struct):
    """What a person has to look at: the event or object, and why it could not be taken over."""

    id: str
    reason: str
    transaction_id: uuid.UUID | None = None


class Closed(msgspec.Struct):
    """A purchase left open for too long, and what was done: canceled at Stripe, or closed here alone.

    In a dry run: what would be done.
    """

    transaction_id: uuid.UUID
    payment_intent: str | None
    how: Literal["canceled_at_stripe", "closed_without_payment_intent"]


class Report(msgspec.Struct):
    """One run.

    Attributes:
        success: Whether all agrees now, or would after a run that is not dry.
        dry_run: Whether nothing was written.
        since: From when on events and objects were read.
        read: How many events, payment_intents, refunds and disputes Stripe listed.
        missing_events: How many of Stripe's events were not here.
        late_events: How many of those were minutes old, and so should have come by a webhook.
        differing_objects: How many objects still told more than the database knew.
        outcomes: How many of those sent were applied, ignored, …; empty in a dry run.
        purchases: Those that something was missing about.
        closed: Those that `--close-stale` has closed.
        unmended: What could not be mended.
    """

    success: bool
    dry_run: bool
    since: datetime
    read: dict[str, int]
    missing_events: int
    late_events: int
    differing_objects: int
    outcomes: dict[str, int]
    purchases: list[Change]
    closed: list[Closed]
    unmended: list[Unmended]

    @property
    def differences(self) -> int:
        """How many things were not the same on both sides."""
        return self.missing_events + self.differing_objects + len(self.closed) + len(self.unmended)

    def to_json(self) -> bytes:
        """One JSON object, decimals as numbers with all their places."""
        fields: dict[str, Any] = msgspec.structs.asdict(self)
        return msgspec.json.Encoder(decimal_format="number").encode(fields)
