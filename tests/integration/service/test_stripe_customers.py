"""One Stripe customer for each user, and the payment methods that a user may name."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.waiting import at_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User

REFUSED = {"success": False, "error": "This payment method cannot be used"}


def test_a_customer_is_created_once_and_used_again(shop: Shop, user: User, stripe: StripeAccount) -> None:
    for _ in range(3):
        shop.order(user)
    [customer] = stripe.customers_of(user.id)
    assert {each["customer"] for each in stripe.intents_of(user.id)} == {customer}


def test_8_first_purchases_at_once_share_one_customer(shop: Shop, user: User, stripe: StripeAccount) -> None:
    at_once(8, lambda _: shop.order(user))
    [customer] = stripe.customers_of(user.id)
    intents = stripe.intents_of(user.id)
    assert len(intents) == 8
    assert {each["customer"] for each in intents} == {customer}


def test_two_users_have_two_customers(
    shop: Shop, new_user: Callable[[], User], stripe: StripeAccount
) -> None:
    ada, bob = new_user(), new_user()
    shop.order(ada)
    shop.order(bob)
    assert stripe.customers_of(ada.id) != stripe.customers_of(bob.id)


def test_a_customer_deleted_at_stripe_is_replaced(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    shop.order(user)
    [gone] = stripe.customers_of(user.id)
    stripe.delete(f"customers/{gone}")
    key = uuid.uuid4().hex
    intent = shop.order(user, key=key)
    assert shop.order(user, key=key) == intent
    [successor] = stripe.customers_of(user.id)
    assert successor != gone
    assert stripe.get(f"payment_intents/{intent['paymentIntentId']}")["customer"] == successor
    assert stripe.pay(intent) == "succeeded"
    stripe.wait_for_webhooks()
    assert books.balance(user.id) == 5
    shop.order(user)
    assert stripe.customers_of(user.id) == [successor]


def test_a_deleted_customer_is_replaced_once_by_4_purchases_at_once(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    shop.order(user)
    [gone] = stripe.customers_of(user.id)
    stripe.delete(f"customers/{gone}")
    at_once(4, lambda _: shop.order(user))
    [successor] = stripe.customers_of(user.id)
    assert {each["customer"] for each in stripe.intents_of(user.id)} == {gone, successor}
    saved = books.value("select stripe_customer_id from credits.stripe_customers where user_id = %s", user.id)
    assert saved == successor


def test_a_customer_deleted_again_and_again_is_replaced_each_time(
    shop: Shop, user: User, stripe: StripeAccount
) -> None:
    for _ in range(3):
        shop.order(user)
        [customer] = stripe.customers_of(user.id)
        stripe.delete(f"customers/{customer}")
    shop.order(user)
    assert len(stripe.customers_of(user.id)) == 1


def test_a_payment_method_is_attached_to_the_payment_intent(
    shop: Shop, user: User, stripe: StripeAccount
) -> None:
    method = stripe.post("payment_methods", type="card", **{"card[token]": "tok_mastercard"})
    intent = shop.order(user, method=method["id"])
    at_stripe = stripe.get(f"payment_intents/{intent['paymentIntentId']}")
    assert at_stripe["payment_method"] == method["id"]
    assert at_stripe["status"] == "requires_confirmation"


def test_a_payment_method_saved_to_the_users_own_customer_is_taken(
    shop: Shop, user: User, stripe: StripeAccount
) -> None:
    shop.order(user)
    [customer] = stripe.customers_of(user.id)
    method = stripe.post("payment_methods/pm_card_visa/attach", customer=customer)
    intent = shop.order(user, method=method["id"])
    assert stripe.get(f"payment_intents/{intent['paymentIntentId']}")["payment_method"] == method["id"]


def test_a_payment_method_of_another_users_customer_is_refused(
    shop: Shop, new_user: Callable[[], User], stripe: StripeAccount
) -> None:
    ada, mallory = new_user(), new_user()
    shop.order(ada)
    [customer] = stripe.customers_of(ada.id)
    method = stripe.post("payment_methods/pm_card_visa/attach", customer=customer)
    answer = shop.buy(mallory, method=method["id"])
    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert stripe.intents_of(mallory.id) == []


@pytest.mark.parametrize("method", ["pm_nothing", "pm_1PqxyzUnknown", "pm_card_unheardOf"])
def test_an_unknown_payment_method_is_refused(
    shop: Shop, user: User, stripe: StripeAccount, method: str
) -> None:
    answer = shop.buy(user, method=method)
    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert stripe.intents_of(user.id) == []
