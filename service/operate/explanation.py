"""The answer of `explain_credits`, decoded."""

from __future__ import annotations

import uuid  # noqa: TC003 - msgspec reads the annotations
from datetime import UTC, datetime
from decimal import Decimal  # noqa: TC003
from typing import Any

import msgspec


class Account(msgspec.Struct):
    """Whose it is. Without `auth_user_id` the user has been erased."""

    user_id: uuid.UUID
    auth_user_id: uuid.UUID | None
    balance: Decimal
    held: Decimal
    due_at: str

    @property
    def is_due(self) -> bool:
        """Whether something has expired that is still in `balance` or `held`."""
        return self.due_at != "infinity" and datetime.fromisoformat(self.due_at) <= datetime.now(UTC)


class Purchase(msgspec.Struct):
    """One purchase; amounts in the currency's smallest unit."""

    id: uuid.UUID
    description: str
    amount_minor: int
    currency: str
    credits: Decimal
    status: str
    stripe_payment_intent_id: str | None
    failure_code: str | None
    failure_message: str | None
    refunded_minor: int
    disputed_minor: int
    credits_purchased: Decimal
    credits_refunded: Decimal
    credits_disputed: Decimal
    created_at: datetime

    @property
    def worth(self) -> Decimal:
        """The credits that it gives as it stands."""
        return self.credits_purchased - self.credits_refunded - self.credits_disputed


class Refund(msgspec.Struct):
    """One refund and its newest state."""

    id: str
    transaction_id: uuid.UUID
    amount_minor: int
    status: str
    failure_reason: str | None


class Dispute(msgspec.Struct):
    """One dispute, its newest state and where its money is."""

    id: str
    transaction_id: uuid.UUID
    amount_minor: int
    status: str
    funds: str
    reason: str | None


class Event(msgspec.Struct):
    """One event as it was received."""

    id: str
    type: str
    outcome: str
    reason: str | None
    attempts: int
    transaction_id: uuid.UUID | None
    created_at: datetime | None
    received_at: datetime
    payload: dict[str, Any]


class Lot(msgspec.Struct):
    """Credits that came together. `id` is the entry that opened it; `expires_at` may be "infinity"."""

    id: int
    transaction_id: uuid.UUID | None
    remaining: Decimal
    expires_at: str
    priority: int

    @property
    def expiry(self) -> datetime | None:
        """When it expires; None if it never does."""
        return None if self.expires_at == "infinity" else datetime.fromisoformat(self.expires_at)


class Hold(msgspec.Struct):
    """Credits that are reserved until it expires; nobody has marked it as over yet."""

    id: uuid.UUID
    amount: Decimal
    description: str
    created_at: datetime
    expires_at: datetime


class Entry(msgspec.Struct):
    """One ledger entry. The key begins with what caused it, `lots` says what it moved of which lot."""

    id: int
    kind: str
    amount: Decimal
    balance_after: Decimal
    transaction_id: uuid.UUID | None
    description: str
    key: str
    created_at: datetime
    spend_id: int | None = None
    lots: dict[str, Decimal] | None = None

    @property
    def cause(self) -> str:
        """The event or request that caused it."""
        return self.key.rpartition(":")[0]


class Explanation(msgspec.Struct):
    """Everything known about a user or a purchase, each list in order."""

    account: Account
    purchases: list[Purchase]
    refunds: list[Refund]
    disputes: list[Dispute]
    events: list[Event]
    entries: list[Entry]
    lots: list[Lot]
    holds: list[Hold]
