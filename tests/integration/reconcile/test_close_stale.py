"""Purchases that nobody pays: canceled at Stripe and here, whatever happens meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.reconcile.cashier import Purchase, reconcile_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from service.reconcile.report import Report
    from tests.integration.reconcile.cashier import Cashier
    from tests.integration.reconcile.turnstile import Turnstile
    from tests.integration.service.shop import StripeAccount

# Stripe's SDK posts by a parameter that httpx deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

DECADES_AGO = 9000
STALE = "8000d"
"""So old that no other test's purchase in this database is."""


def old_order(cashier: Cashier, *, attached: bool = True) -> Purchase:
    purchase = cashier.order(attached=attached)
    cashier.make_older(purchase, DECADES_AGO)
    return purchase


def closed(report: Report) -> dict[UUID, tuple[str | None, str]]:
    """The purchases that a run closed: their PaymentIntent and how."""
    return {one.transaction_id: (one.payment_intent, one.how) for one in report.closed}


def test_stale_purchases_are_canceled_at_stripe_and_here(
    cashier: Cashier, account: StripeAccount, env: Mapping[str, str]
) -> None:
    unpaid, declined, young = old_order(cashier), old_order(cashier), cashier.order()
    cashier.confirm(declined, "pm_card_chargeDeclined")

    report = reconcile_now(env, stale=STALE)

    assert report.success
    assert closed(report) == {
        unpaid.id: (unpaid.intent, "canceled_at_stripe"),
        declined.id: (declined.intent, "canceled_at_stripe"),
    }
    for purchase in (unpaid, declined):
        intent = account.get(f"payment_intents/{purchase.intent}")
        assert (intent["status"], intent["cancellation_reason"]) == ("canceled", "abandoned")
        assert cashier.status(purchase) == "canceled"
    assert cashier.status(young) == "pending"
    # The cancellation's own event is the only news.
    again = reconcile_now(env, stale=STALE)
    assert (again.success, again.closed, again.differing_objects) == (True, [], 0)
    assert reconcile_now(env, stale=STALE).differences == 0


def test_stale_purchase_that_was_paid_is_credited_instead(cashier: Cashier, env: Mapping[str, str]) -> None:
    paid = cashier.buy()
    cashier.make_older(paid, DECADES_AGO)
    report = reconcile_now(env, "1s", stale=STALE)
    assert closed(report) == {}
    assert (cashier.status(paid), cashier.balance(paid)) == ("succeeded", 5)


def test_stale_purchase_that_is_paid_at_that_moment_is_credited(
    cashier: Cashier, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    purchase = old_order(cashier)
    turnstile.hold_answer_of(rf"/v1/payment_intents/{purchase.intent}$")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(reconcile_now, env_behind, stale=STALE)
        turnstile.wait_until_held()
        # It was seen unpaid; now, before it is canceled, the buyer pays.
        assert cashier.confirm(purchase) == "succeeded"
        turnstile.release()
        report = running.result()
    assert (report.success, closed(report)) == (True, {})
    assert (cashier.status(purchase), cashier.balance(purchase)) == ("succeeded", 5)


def test_stale_purchase_without_payment_intent_is_closed_here(
    cashier: Cashier, env: Mapping[str, str]
) -> None:
    transaction_id, user_id, amount = cashier.open()
    purchase = Purchase(transaction_id, user_id, "", amount)
    cashier.make_older(purchase, DECADES_AGO)
    report = reconcile_now(env, stale=STALE)
    assert closed(report) == {transaction_id: (None, "closed_without_payment_intent")}
    assert cashier.status(purchase) == "canceled"


def test_stale_purchase_is_searched_for_at_stripe(
    cashier: Cashier, account: StripeAccount, env_behind: Mapping[str, str], turnstile: Turnstile
) -> None:
    # No list shows them, as they are too old for that; only the search does.
    turnstile.hidden = {"/v1/events", "/v1/payment_intents"}
    unpaid, paid = old_order(cashier, attached=False), old_order(cashier, attached=False)
    cashier.confirm(paid)

    report = reconcile_now(env_behind, stale=STALE)

    assert closed(report) == {unpaid.id: (unpaid.intent, "canceled_at_stripe")}
    assert account.get(f"payment_intents/{unpaid.intent}")["status"] == "canceled"
    assert cashier.books.purchase(unpaid.intent)["status"] == "canceled"
    assert (cashier.status(paid), cashier.balance(paid)) == ("succeeded", 5)


def test_dry_run_closes_nothing(cashier: Cashier, account: StripeAccount, env: Mapping[str, str]) -> None:
    tied = old_order(cashier)
    transaction_id, user_id, amount = cashier.open()
    untied = Purchase(transaction_id, user_id, "", amount)
    cashier.make_older(untied, DECADES_AGO)

    report = reconcile_now(env, stale=STALE, dry_run=True)

    assert closed(report) == {
        tied.id: (tied.intent, "canceled_at_stripe"),
        untied.id: (None, "closed_without_payment_intent"),
    }
    assert account.get(f"payment_intents/{tied.intent}")["status"] == "requires_payment_method"
    assert (cashier.status(tied), cashier.status(untied)) == ("pending", "pending")
    assert len(reconcile_now(env, stale=STALE).closed) == 2
