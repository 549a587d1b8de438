"""What each purchase comes to: by Stripe's objects, and by the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.sql.credit_rules import Due, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from tests.integration.service.books import Books
    from tests.integration.service.shop import StripeAccount

Object = dict[str, Any]

_ROWS = """
select t.id, t.user_id, t.idempotency_key, t.stripe_payment_intent_id, t.credits, t.status, t.refunded_minor,
  t.disputed_minor,
  coalesce(sum(e.amount) filter (where e.kind = 'purchase'), 0) as purchase,
  coalesce(sum(e.amount) filter (where e.kind = 'refund'), 0) as refund,
  coalesce(sum(e.amount) filter (where e.kind = 'dispute'), 0) as dispute
from credits.transactions as t
left join credits.ledger_entries as e on e.user_id = t.user_id and e.transaction_id = t.id
group by t.user_id, t.id
"""


@dataclass(frozen=True)
class Row:
    """A purchase in the database, with the sums of its ledger entries."""

    id: str
    user_id: str
    key: str
    intent: str | None
    credits: Decimal
    due: Due


def read_rows(books: Books) -> list[Row]:
    """All purchases in the database."""
    return [
        Row(
            str(row["id"]),
            str(row["user_id"]),
            row["idempotency_key"],
            row["stripe_payment_intent_id"],
            row["credits"],
            Due(*(row[column] for column in Due.__dataclass_fields__)),
        )
        for row in books.rows(_ROWS)
    ]


def list_all(account: StripeAccount, path: str) -> list[Object]:
    """Every object of a list of Stripe's."""
    found: list[Object] = []
    more = True
    while more:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = account.get(path, limit=100, **after)
        found += page["data"]
        more = page["has_more"]
    return found


class StripeSide:
    """All that Stripe knows, by PaymentIntent."""

    def __init__(self, account: StripeAccount) -> None:
        self.intents: dict[str, Object] = {each["id"]: each for each in list_all(account, "payment_intents")}
        self._refunds = _by_intent(list_all(account, "refunds"))
        self._disputes = _by_intent(list_all(account, "disputes"))

    def due(self, intent: Object, credit_amount: Decimal) -> Due:
        """What a purchase of so many credits comes to with this PaymentIntent."""
        price = intent["amount"]
        if intent["status"] != "succeeded":
            assert intent["status"] == "requires_payment_method"
            state = "failed" if intent["last_payment_error"] else "pending"
            return settle(state, price, credit_amount, 0, 0)
        assert intent["amount_received"] == price
        refunded = sum(
            refund["amount"]
            for refund in self._refunds.get(intent["id"], [])
            if refund["status"] not in {"failed", "canceled"}
        )
        disputed = min(price, sum(map(_withdrawn, self._disputes.get(intent["id"], []))))
        return settle("succeeded", price, credit_amount, refunded, disputed)


def _withdrawn(dispute: Mapping[str, Any]) -> int:
    """What is gone of the money: what was booked out and not back in."""
    booked: int = sum(entry["amount"] for entry in dispute["balance_transactions"])
    return max(0, -booked)


def _by_intent(objects: Iterable[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for each in objects:
        found.setdefault(each["payment_intent"], []).append(each)
    return found
