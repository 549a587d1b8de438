"""Purchases at a Stripe account that sends no webhooks, and the command that finds them."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from service.operate.durations import parse_duration
from service.reconcile.command import reconcile
from tests import loopback
from tests.integration.service.shop import SMALL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal
    from uuid import UUID

    from service.reconcile.report import Change, Report
    from tests.integration.service.books import Books
    from tests.integration.service.shop import StripeAccount


@dataclass(frozen=True)
class Purchase:
    """A purchase of the Small package (5.00 usd, 5 credits) unless another was asked for."""

    id: UUID
    user_id: UUID
    intent: str
    amount: int


class Cashier:
    """Does what the service does for a purchase, so that every step can be left out."""

    def __init__(self, books: Books, account: StripeAccount) -> None:
        self.books = books
        self.account = account

    def open(self, user_id: UUID | None = None, package: str = SMALL) -> tuple[UUID, UUID, int]:
        """Open a purchase; its id, its user's and the price in cents."""
        if user_id is None:
            user_id = uuid.uuid4()
            self.books.new_user(user_id)
        [row] = self.books.rows(
            "select transaction_id, amount_minor from public.open_credit_purchase(%s, %s, false)",
            user_id,
            package,
        )
        return row["transaction_id"], user_id, row["amount_minor"]

    def order(
        self, *, user_id: UUID | None = None, package: str = SMALL, attached: bool = True, **changes: Any
    ) -> Purchase:
        """Open a purchase with a PaymentIntent; `changes` are parameters of the PaymentIntent."""
        transaction_id, user_id, amount = self.open(user_id, package)
        params = {
            "amount": amount,
            "currency": "usd",
            "metadata[transaction_id]": str(transaction_id),
            "metadata[user_id]": str(user_id),
            "automatic_payment_methods[enabled]": "true",
            **changes,
        }
        intent = self.account.post("payment_intents", **params)["id"]
        if attached:
            self.books.rows("select * from public.attach_payment_intent(%s, %s)", transaction_id, intent)
        return Purchase(transaction_id, user_id, intent, amount)

    def confirm(self, purchase: Purchase, method: str = "pm_card_visa", **more: str) -> str:
        """Let the buyer pay; what Stripe makes of it, a status or the code of its error."""
        simulator = self.account.simulator
        answer = loopback.post(
            f"{simulator.url}/v1/payment_intents/{purchase.intent}/confirm",
            data={"payment_method": method, "return_url": "https://app.example.com/paid", **more},
            headers={"Authorization": f"Bearer {simulator.secret_key}"},
        ).json()
        outcome: str = answer["error"]["code"] if "error" in answer else answer["status"]
        return outcome

    def buy(self, method: str = "pm_card_visa", **options: Any) -> Purchase:
        """A purchase, paid."""
        purchase = self.order(**options)
        assert self.confirm(purchase, method) == "succeeded"
        return purchase

    def refund(self, purchase: Purchase, amount: int) -> str:
        """Give money back at Stripe; the refund's id."""
        refund: str = self.account.post("refunds", payment_intent=purchase.intent, amount=amount)["id"]
        return refund

    def dispute_of(self, purchase: Purchase) -> str:
        """The id of the dispute of a purchase."""
        [dispute] = self.account.get("disputes", payment_intent=purchase.intent)["data"]
        found: str = dispute["id"]
        return found

    def status(self, purchase: Purchase) -> str:
        """What the database shows."""
        status: str = self.books.value("select status from credits.transactions where id = %s", purchase.id)
        return status

    def balance(self, purchase: Purchase) -> Decimal | int:
        """The credits of its user."""
        return self.books.balance(purchase.user_id)

    def deliver(self, *events: Mapping[str, Any]) -> list[str]:
        """Have events taken over as the webhook does; their outcomes."""
        answer = self.books.value("select public.record_stripe_events(%s)", Jsonb([dict(e) for e in events]))
        return [verdict["outcome"] for verdict in answer]

    def make_older(self, purchase: Purchase, days: int) -> None:
        """Have it opened so many days ago."""
        self.books.execute(
            "update credits.transactions set created_at = now() - make_interval(days => %s) where id = %s",
            days,
            purchase.id,
        )


def reconcile_now(
    env: Mapping[str, str], since: str = "3d", *, stale: str | None = None, dry_run: bool = False
) -> Report:
    """`topup reconcile`, within this process."""
    stale_after = None if stale is None else parse_duration(stale)
    return asyncio.run(reconcile(env, parse_duration(since), stale_after, dry_run=dry_run))


def change_of(report: Report, purchase: Purchase) -> Change:
    """What a run reports of one purchase."""
    [change] = [change for change in report.purchases if change.transaction_id == purchase.id]
    return change
