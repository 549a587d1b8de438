"""Stripe refuses, fails, loses answers or is away: the right status, and a retry is the same purchase."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.shop import SMALL
from tests.listening import nowhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.copies import Copy
    from tests.integration.service.shop import Shop, StripeAccount, User

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew

INTENTS, CUSTOMERS = "/v1/payment_intents", "/v1/customers"
UNAVAILABLE = {"success": False, "error": "Temporarily unavailable, please try again"}
FAILED = {"success": False, "error": "Failed to create payment intent"}
ATTEMPTS = 3
"""How often the service asks Stripe before it gives up."""


@pytest.fixture
def key() -> str:
    """The Idempotency-Key of one purchase."""
    return uuid.uuid4().hex


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json() == UNAVAILABLE


def assert_one_purchase(user: User, stripe: StripeAccount, books: Books, intent: dict[str, str]) -> None:
    """However often it was tried, there is one purchase, it has this PaymentIntent, and there is no other."""
    [purchase] = books.purchases(user.id)
    assert purchase["stripe_payment_intent_id"] == intent["paymentIntentId"]
    assert [each["id"] for each in stripe.intents_of(user.id)] == [intent["paymentIntentId"]]
    assert len(stripe.customers_of(user.id)) == 1


@pytest.mark.parametrize(("path", "status"), [(INTENTS, 429), (INTENTS, 500), (CUSTOMERS, 503)])
def test_while_stripe_fails_the_answer_is_503_and_the_retry_succeeds(  # noqa: PLR0913, PLR0917 - fixtures
    shop: Shop, user: User, stripe: StripeAccount, books: Books, key: str, path: str, status: int
) -> None:
    stripe.simulator.add_fault("refuse", method="POST", path=path, status=status, times=ATTEMPTS)
    assert_unavailable(shop.buy(user, key=key))
    stripe.simulator.clear_faults()
    assert_one_purchase(user, stripe, books, shop.order(user, key=key))


@pytest.mark.parametrize("path", [INTENTS, CUSTOMERS])
def test_one_failure_of_stripe_is_not_even_noticed(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, path: str
) -> None:
    stripe.simulator.add_fault("refuse", method="POST", path=path, status=503)
    assert_one_purchase(user, stripe, books, shop.order(user))


@pytest.mark.parametrize("path", [INTENTS, CUSTOMERS])
def test_an_answer_lost_on_the_way_is_asked_for_again(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, path: str
) -> None:
    stripe.simulator.add_fault("lose_answer", method="POST", path=path)
    assert_one_purchase(user, stripe, books, shop.order(user))


def test_a_payment_intent_created_under_an_answer_of_500_is_found_again(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, key: str
) -> None:
    """Stripe repeats the 500 as long as it keeps the idempotency key; the webhook tells of the creation."""
    stripe.simulator.add_fault("crash", method="POST", path=INTENTS)
    assert_unavailable(shop.buy(user, key=key))
    stripe.wait_for_webhooks()
    assert_one_purchase(user, stripe, books, shop.order(user, key=key))


def test_a_decline_is_402_in_stripes_words(
    shop: Shop, user: User, stripe: StripeAccount, books: Books, key: str
) -> None:
    stripe.simulator.add_fault("refuse", method="POST", path=INTENTS, status=402)
    answer = shop.buy(user, key=key, method="pm_card_visa")
    assert answer.status_code == 402
    assert answer.json() == {"success": False, "error": "The Stripe simulator was asked to fail here."}
    assert [purchase["status"] for purchase in books.purchases(user.id)] == ["pending"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_a_person_must_repair_is_500_in_the_contracts_words(
    shop: Shop, user: User, stripe: StripeAccount, status: int
) -> None:
    """A revoked key, one without the right; the client is told nothing of it."""
    stripe.simulator.add_fault("refuse", method="POST", path=INTENTS, status=status)
    answer = shop.buy(user)
    assert (answer.status_code, answer.json()) == (500, FAILED)


@pytest.fixture(scope="module")
def cut_off(stack: Stack) -> Iterator[Copy]:
    """A service that finds nobody listening where Stripe should be."""
    with nowhere() as url, another_service(stack, STRIPE_API_BASE=url) as copy:
        yield copy


def test_while_stripe_is_away_the_answer_is_503_and_the_retry_is_the_same_purchase(
    cut_off: Copy, shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    key = uuid.uuid4().hex
    assert_unavailable(cut_off.shop.buy(user, key=key))
    [opened] = books.purchases(user.id)
    assert opened["stripe_payment_intent_id"] is None
    assert_one_purchase(user, stripe, books, shop.order(user, key=key))


def test_while_stripe_is_away_everything_else_goes_on(
    cut_off: Copy, shop: Shop, user: User, stripe: StripeAccount
) -> None:
    stripe.pay(shop.order(user))
    stripe.wait_for_webhooks()
    assert cut_off.shop.read("balance", user).json()["data"]["balance"] == 5
    assert SMALL in cut_off.shop.read("credit-packages", user).text
    assert cut_off.shop.http.get("/health/ready").status_code == 200
