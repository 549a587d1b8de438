"""Buying: one purchase and one PaymentIntent for one key, at the database's price, whoever asks how often."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.shop import BUY, LARGE, MEDIUM, SMALL
from tests.integration.service.waiting import at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User


def new_key() -> str:
    return uuid.uuid4().hex


def test_the_payment_intent_says_what_is_bought_by_whom(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    intent = stripe.get(f"payment_intents/{shop.order(user, MEDIUM)['paymentIntentId']}")
    [purchase] = books.purchases(user.id)
    assert intent["amount"] == 1500
    assert intent["currency"] == "usd"
    assert intent["description"] == "Medium Package purchase"
    assert intent["metadata"] == {"transaction_id": str(purchase["id"]), "user_id": str(user.id)}
    assert [intent["customer"]] == stripe.customers_of(user.id)
    assert intent["automatic_payment_methods"]["enabled"] is True
    assert intent["payment_method"] is None
    assert intent["status"] == "requires_payment_method"
    assert intent["livemode"] is False
    assert (purchase["stripe_payment_intent_id"], purchase["status"]) == (intent["id"], "pending")
    [created] = stripe.events_about(intent["id"])
    assert created["request"]["idempotency_key"] == f"topup-{purchase['id']}"


def test_a_purchase_is_paid_once_and_credited_once(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    assert stripe.pay(shop.order(user, LARGE)) == "succeeded"
    stripe.wait_for_webhooks()
    assert books.entries(user.id) == [("purchase", 50)]
    assert shop.read("balance", user).json()["data"] == {"balance": 50, "currency": "usd"}


def test_the_same_key_is_the_same_purchase(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    key = new_key()
    first = shop.order(user, key=key)
    assert shop.order(user, key=key) == first
    assert stripe.pay(first) == "succeeded"
    stripe.wait_for_webhooks()
    assert shop.order(user, key=key) == first
    assert [each["id"] for each in stripe.intents_of(user.id)] == [first["paymentIntentId"]]
    assert len(books.purchases(user.id)) == 1


def test_the_same_key_16_times_at_once_is_one_purchase(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    key = new_key()
    answers = at_once(16, lambda _: shop.order(user, MEDIUM, key=key, method="pm_card_visa"))
    assert len({tuple(answer.items()) for answer in answers}) == 1
    assert len(books.purchases(user.id)) == 1
    assert len(stripe.intents_of(user.id)) == 1
    assert len(stripe.customers_of(user.id)) == 1


def test_the_same_key_while_stripe_is_slow_is_never_a_second_purchase(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    """Stripe answers 409 while the first request with a key runs."""
    key = new_key()
    stripe.simulator.add_fault("slow", method="POST", path="/v1/payment_intents", seconds=0.4)
    statuses = [answer.status_code for answer in at_once(4, lambda _: shop.buy(user, key=key))]
    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    shop.order(user, key=key)
    assert (len(books.purchases(user.id)), len(stripe.intents_of(user.id))) == (1, 1)


def test_the_same_key_for_something_else_is_refused(shop: Shop, user: User, books: Books) -> None:
    key = new_key()
    shop.order(user, SMALL, key=key, method="pm_card_visa")
    for package, method in ((MEDIUM, "pm_card_visa"), (SMALL, "pm_card_mastercard"), (SMALL, None)):
        answer = shop.buy(user, package, key=key, method=method)
        assert answer.status_code == 409
        assert answer.json() == {
            "success": False,
            "error": "This Idempotency-Key was used for another purchase",
        }
    assert len(books.purchases(user.id)) == 1


def test_the_same_key_of_another_user_is_another_purchase(shop: Shop, new_user: Callable[[], User]) -> None:
    key = new_key()
    ada, bob = new_user(), new_user()
    assert shop.order(ada, key=key) != shop.order(bob, key=key)


def test_without_a_key_each_call_is_a_purchase(shop: Shop, user: User, books: Books) -> None:
    assert shop.order(user) != shop.order(user)
    assert len(books.purchases(user.id)) == 2


@pytest.mark.parametrize(
    "fields", [{"amount": 1}, {"amount": 0.01}, {"credits": 10**6}, {"price": {"amount": 1}}]
)
def test_an_amount_sent_by_a_client_moves_nothing(
    shop: Shop, user: User, stripe: StripeAccount, fields: dict[str, object]
) -> None:
    order = {"creditPackageId": LARGE, **fields}
    assert shop.http.post(BUY, headers=user.headers, json=order).status_code == 400
    assert shop.http.post(f"{BUY}?amount=1", headers=user.headers, json={"creditPackageId": LARGE}).is_success
    assert [each["amount"] for each in stripe.intents_of(user.id)] == [5000]


def test_a_purchase_keeps_the_price_at_which_it_was_opened(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    package, key = books.new_package(1234), new_key()
    intent = shop.order(user, package, key=key)
    books.execute("update credits.packages set amount_minor = 1, credits = 999 where id = %s", package)
    assert shop.order(user, package, key=key) == intent
    assert stripe.get(f"payment_intents/{intent['paymentIntentId']}")["amount"] == 1234
    stripe.pay(intent)
    stripe.wait_for_webhooks()
    assert books.entries(user.id) == [("purchase", 15)]


@pytest.mark.parametrize(
    "price",
    [("jpy", 1500), ("krw", 20_000), ("kwd", 1500), ("bhd", 12_340), ("isk", 50_000)],
)
def test_zero_and_three_decimal_currencies_reach_stripe_in_its_own_units(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, price: tuple[str, int]
) -> None:
    currency, amount_minor = price
    intent = shop.order(user, books.new_package(amount_minor, currency))
    at_stripe = stripe.get(f"payment_intents/{intent['paymentIntentId']}")
    assert (at_stripe["amount"], at_stripe["currency"]) == (amount_minor, currency)
    assert stripe.pay(intent) == "succeeded"
    stripe.wait_for_webhooks()
    assert books.balance(user.id) == 15


def test_an_eleventh_unpaid_purchase_is_refused_until_one_is_paid(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    """Whoever tries stolen cards opens many purchases and pays none."""
    intents = [shop.order(user) for _ in range(10)]
    refused = shop.buy(user)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert refused.json() == {
        "success": False,
        "error": "Too many unpaid purchases: pay one that is open, or wait",
    }
    assert (len(books.purchases(user.id)), len(stripe.intents_of(user.id))) == (10, 10)
    stripe.pay(intents[3])
    stripe.wait_for_webhooks()
    shop.order(user)


def test_the_limit_holds_against_purchases_at_once(shop: Shop, user: User, books: Books) -> None:
    statuses = sorted(answer.status_code for answer in at_once(16, lambda _: shop.buy(user)))
    assert statuses == [200] * 10 + [429] * 6
    assert len(books.purchases(user.id)) == 10


def test_a_key_that_has_its_purchase_is_answered_beyond_the_limit(shop: Shop, user: User) -> None:
    key = new_key()
    first = shop.order(user, key=key)
    for _ in range(9):
        shop.order(user)
    assert shop.buy(user).status_code == 429
    assert shop.order(user, key=key) == first


def test_a_user_whose_payment_is_disputed_may_be_refused(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    stripe.pay(shop.order(user), "pm_card_createDispute")
    stripe.wait_for_webhooks()
    shop.order(user)
    books.execute("update credits.settings set refuse_disputing_users = true")
    try:
        answer = shop.buy(user)
    finally:
        books.execute("update credits.settings set refuse_disputing_users = false")
    assert answer.status_code == 403
    assert answer.json() == {
        "success": False,
        "error": "A payment of yours is disputed. You can buy again when that is settled.",
    }
