"""The database or the service goes away in the middle of a webhook: 5xx, and credited once afterwards."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.locks import account_locked
from tests.integration.service.outages import without_postgres, without_postgrest
from tests.integration.service.shop import MEDIUM, SMALL
from tests.integration.service.waiting import PATIENCE, eventually
from tests.integration.service.webhooks import deliver, succeeded
from tests.listening import listens

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, User

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew


def assert_told_to_come_again(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["success"] is False


@pytest.fixture
def intent(shop: Shop, user: User, stripe: StripeAccount) -> dict[str, Any]:
    """The PaymentIntent of a purchase of 15 credits that nobody has paid."""
    created = stripe.get(f"payment_intents/{shop.order(user, MEDIUM)['paymentIntentId']}")
    stripe.wait_for_webhooks()
    return created


def wait_until_blocked(books: Books) -> None:
    """Wait until a webhook is being recorded and stands in front of the lock."""
    eventually(
        lambda: books.value(
            "select count(*) from pg_stat_activity "
            "where wait_event_type = 'Lock' and query ~ 'record_stripe_events'"
        ),
        "a webhook waits for the locked account",
    )


@pytest.mark.parametrize("away", [without_postgres, without_postgrest])
def test_a_payment_while_the_database_is_away_is_credited_once_when_it_is_back(  # noqa: PLR0913, PLR0917 - fixtures
    stack: Stack,
    shop: Shop,
    user: User,
    stripe: StripeAccount,
    books: Books,
    away: Callable[[Stack], AbstractContextManager[None]],
) -> None:
    order = shop.order(user, MEDIUM)
    with away(stack):
        assert stripe.pay(order) == "succeeded"
        [event] = [
            each
            for each in stripe.events_about(order["paymentIntentId"])
            if each["type"] == "payment_intent.succeeded"
        ]
        assert_told_to_come_again(deliver(shop, event))
        eventually(
            lambda: [a for d in stripe.simulator.deliveries(event=event["id"]) for a in d["attempts"]],
            "Stripe has tried",
        )
    stripe.wait_for_webhooks()
    [delivery] = stripe.simulator.deliveries(event=event["id"])
    assert [delivery["attempts"][0]["status"], delivery["attempts"][-1]["status"]] == [503, 200]
    assert books.entries(user.id) == [("purchase", 15)]


@pytest.mark.parametrize("victim", ["postgrest", "postgres"])
def test_a_webhook_that_is_being_recorded_when_the_database_is_killed_comes_again(  # noqa: PLR0913, PLR0917 - fixtures
    stack: Stack, shop: Shop, user: User, books: Books, intent: dict[str, Any], victim: str
) -> None:
    event = succeeded(intent)
    with ThreadPoolExecutor(1) as pool, account_locked(stack, user.id):
        delivering = pool.submit(deliver, shop, event)
        wait_until_blocked(books)
        getattr(stack.supabase, f"kill_{victim}")()
        try:
            assert_told_to_come_again(delivering.result(PATIENCE))
        finally:
            getattr(stack.supabase, f"start_{victim}")()
            stack.wait_for_service()
    assert deliver(shop, event).status_code == 200
    assert books.event(event["id"]) == ("applied", None)
    assert books.entries(user.id) == [("purchase", 15)]


def test_a_service_killed_while_a_webhook_is_recorded_loses_nothing(
    stack: Stack, shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    event = succeeded(intent)
    with another_service(stack) as copy, ThreadPoolExecutor(1) as pool:
        with account_locked(stack, user.id):
            delivering = pool.submit(deliver, copy.shop, event)
            wait_until_blocked(books)
            copy.process.kill()
            with pytest.raises(httpx.TransportError):
                delivering.result(PATIENCE)
        assert deliver(shop, event).status_code == 200
    assert books.entries(user.id) == [("purchase", 15)]


def test_a_service_told_to_stop_finishes_the_webhook_in_flight(
    stack: Stack, user: User, books: Books, intent: dict[str, Any]
) -> None:
    event = succeeded(intent)
    with another_service(stack) as copy, ThreadPoolExecutor(2) as pool:
        with account_locked(stack, user.id):
            delivering = pool.submit(deliver, copy.shop, event)
            wait_until_blocked(books)
            os.kill(copy.process.pid, signal.SIGTERM)
            eventually(lambda: not listens(copy.url), "no further request is taken")
            assert copy.process.returncode is None
        answer = delivering.result(PATIENCE)
        assert (answer.status_code, answer.content) == (200, b'{"success":true}')
        assert eventually(lambda: copy.process.returncode is not None, "the service has ended")
        assert copy.process.returncode == 0
    assert books.entries(user.id) == [("purchase", 15)]


def test_an_event_that_failed_is_no_duplicate_when_it_comes_again(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    """The credits of one purchase leave no room for another's, until it is refunded."""
    most = Decimal(99999999999990)
    full = shop.order(user, books.new_package(500, credit_amount=most))
    stripe.pay(full)
    small, medium = (
        succeeded(stripe.get(f"payment_intents/{shop.order(user, package)['paymentIntentId']}"))
        for package in (SMALL, MEDIUM)
    )
    stripe.wait_for_webhooks()

    assert_told_to_come_again(deliver(shop, medium))
    assert_told_to_come_again(deliver(shop, medium))
    # What fails holds up nothing else.
    assert deliver(shop, small).status_code == 200
    failed = books.event(medium["id"])
    assert failed is not None
    assert failed[0] == "failed"

    stripe.post("refunds", payment_intent=full["paymentIntentId"])
    stripe.wait_for_webhooks()
    assert deliver(shop, medium).status_code == 200
    assert books.event(medium["id"]) == ("applied", None)
    assert deliver(shop, medium).status_code == 200
    assert books.entries(user.id) == [
        ("purchase", most),
        ("purchase", 5),
        ("refund", -most),
        ("purchase", 15),
    ]
