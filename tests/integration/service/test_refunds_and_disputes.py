"""What Stripe takes back and gives again, told by its own webhooks: the balance follows, in any order."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import pytest

from tests.integration.service.shop import MEDIUM

if TYPE_CHECKING:
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User


def buy(
    shop: Shop, user: User, stripe: StripeAccount, method: str = "pm_card_visa", package: str = MEDIUM
) -> str:
    """Buy and pay; the PaymentIntent's id."""
    order = shop.order(user, package)
    assert stripe.pay(order, method) == "succeeded"
    stripe.wait_for_webhooks()
    return order["paymentIntentId"]


def shown(shop: Shop, user: User) -> tuple[str, float]:
    """The status of the user's one purchase and the balance, as a page shows them."""
    [payment] = shop.read("payment-history", user).json()["data"]
    return payment["status"], shop.read("balance", user).json()["data"]["balance"]


@pytest.mark.slow
def test_partial_refunds_that_add_up_to_the_price_leave_nothing(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    intent = buy(shop, user, stripe, package=books.new_package(1000, credit_amount=Decimal("9.999999")))
    balances = []
    for amount in (333, 333, 334):
        stripe.post("refunds", payment_intent=intent, amount=amount)
        stripe.wait_for_webhooks()
        balances.append(books.balance(user.id))
        status, _ = shown(shop, user)
        assert status == ("refunded" if amount == 334 else "partially_refunded")
    assert balances == [Decimal("6.670000"), Decimal("3.340000"), 0]


@pytest.mark.parametrize(
    ("is_told_in_order", "entries"),
    [(True, [("purchase", 15), ("refund", -15), ("refund", 15)]), (False, [("purchase", 15)])],
)
def test_a_refund_that_fails_later_is_given_back_or_never_taken(  # noqa: PLR0913 - fixtures, and a row
    shop: Shop,
    user: User,
    stripe: StripeAccount,
    books: Books,
    *,
    is_told_in_order: bool,
    entries: list[tuple[str, int]],
) -> None:
    intent = buy(shop, user, stripe, "pm_card_refundFail")
    stripe.simulator.set_chaos(drop=1)
    refund = stripe.post("refunds", payment_intent=intent)
    stripe.simulator.settle()
    newest_first = stripe.events_about(refund["id"])
    assert {event["type"] for event in newest_first} >= {"refund.created", "refund.failed"}
    # Sent all at once they would come in any order.
    for event in reversed(newest_first) if is_told_in_order else newest_first:
        stripe.simulator.redeliver(event["id"])
        stripe.wait_for_webhooks()
    assert shown(shop, user) == ("succeeded", 15)
    assert books.entries(user.id) == entries


@pytest.mark.parametrize(
    ("outcome", "status", "balance"),
    [(None, "disputed", 0), ("lose", "disputed", 0), ("win", "succeeded", 15)],
)
def test_a_dispute_takes_the_credits_until_it_is_won(  # noqa: PLR0913, PLR0917 - fixtures, and a row
    shop: Shop,
    user: User,
    stripe: StripeAccount,
    outcome: Literal["win", "lose"] | None,
    status: str,
    balance: int,
) -> None:
    intent = buy(shop, user, stripe, "pm_card_createDispute")
    [dispute] = stripe.get("disputes", payment_intent=intent)["data"]
    if outcome is not None:
        stripe.resolve_dispute(dispute["id"], outcome)
    assert shown(shop, user) == (status, balance)


def test_an_inquiry_takes_nothing(shop: Shop, user: User, stripe: StripeAccount) -> None:
    intent = buy(shop, user, stripe, "pm_card_createDisputeInquiry")
    [inquiry] = stripe.get("disputes", payment_intent=intent)["data"]
    assert shown(shop, user) == ("succeeded", 15)
    stripe.resolve_dispute(inquiry["id"], "close_inquiry")
    assert shown(shop, user) == ("succeeded", 15)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_webhooks_shuffled_doubled_and_delayed_end_the_same(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, seed: int
) -> None:
    """A refund before its payment succeeded, succeeded before processing, a change under two ids."""
    order = shop.order(user, MEDIUM)
    stripe.simulator.set_chaos(seed=seed, shuffle=8, duplicate=0.5, double_event=0.5, delay=0.1)
    stripe.pay(order)
    stripe.post("refunds", payment_intent=order["paymentIntentId"], amount=500)
    stripe.post("refunds", payment_intent=order["paymentIntentId"], amount=250)
    stripe.wait_for_webhooks()
    assert shown(shop, user) == ("partially_refunded", 7.5)
    assert sum(amount for _, amount in books.entries(user.id)) == Decimal("7.5")
