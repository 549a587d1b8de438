"""What Topup's views and functions give, for the type checker of a Python backend: copy this file.

Credits arrive as JSON numbers. Where a double is not exact enough, select `balance::text`.
"""

from typing import Any, Literal, TypedDict

Kind = Literal["purchase", "refund", "dispute", "grant", "spend", "spend_refund", "expiry"]
PurchaseStatus = Literal[
    "pending",
    "requires_action",
    "processing",
    "failed",
    "canceled",
    "succeeded",
    "partially_refunded",
    "refunded",
    "disputed",
]


class Balance(TypedDict):
    """A row of `credit_balance`; `expiring_at` is None where nothing expires."""

    user_id: str
    currency: str
    balance: float
    held: float
    available: float
    expiring_amount: float
    expiring_at: str | None


class LedgerEntry(TypedDict):
    """A row of `credit_ledger`; `lots` maps the ids of lots to what went into or came out of them."""

    id: int
    user_id: str
    kind: Kind
    transaction_id: str | None
    spend_id: int | None
    description: str
    metadata: dict[str, Any] | None
    created_at: str
    amount: float
    balance_after: float
    lots: dict[str, float]


class Lot(TypedDict):
    """A row of `credit_lots`; `expires_at` is None for one that never does."""

    id: int
    user_id: str
    transaction_id: str | None
    priority: int
    remaining: float
    expires_at: str | None


class Posted(TypedDict):
    """The answer of `spend_credits`, `capture_hold` and `grant_credits`; `created` is False when repeated."""

    entry_id: int
    balance: float
    created: bool


class Hold(TypedDict):
    """The answer of `hold_credits`."""

    hold_id: str
    held: float
    expires_at: str
    status: Literal["open", "captured", "released", "expired"]
    created: bool


class Released(TypedDict):
    """The answer of `release_hold`."""

    status: Literal["released", "expired"]
    released: float


class Refunded(TypedDict):
    """The answer of `refund_spend`."""

    refund_entry_id: int
    balance: float
    created: bool


class Missing(TypedDict):
    """The `hint` of a 402 `insufficient_credits`, a JSON text."""

    balance: float
    available: float
    shortfall: float
