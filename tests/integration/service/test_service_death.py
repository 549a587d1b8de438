"""The service dies between two steps of a purchase: another copy, or the webhook alone, ends it well."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

from tests.integration.service.copies import another_service
from tests.integration.service.interposer import Interposer
from tests.integration.service.shop import User, claims_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.copies import Copy
    from tests.integration.service.shop import Shop, StripeAccount

pytestmark = pytest.mark.slow  # a second or more for each test, for parts that stop, wait or start anew


class Interposed(NamedTuple):
    """A copy of the service, and what stands between it and Supabase and Stripe."""

    copy: Copy
    supabase: Interposer
    stripe: Interposer


@contextmanager
def interposed(stack: Stack) -> Iterator[Interposed]:
    with (
        Interposer(stack.supabase.url).running() as supabase,
        Interposer(stack.stripe.url).running() as stripe,
        another_service(stack, SUPABASE_URL=supabase.url, STRIPE_API_BASE=stripe.url) as copy,
    ):
        yield Interposed(copy, supabase, stripe)


def signed_in_there(stack: Stack, user: User, between: Interposed) -> User:
    """The user with a token of the address that the copy takes for Supabase's."""
    claims = claims_of(stack, user.id, iss=f"{between.supabase.url}/auth/v1")
    return User(user.id, stack.supabase.sign_token(claims))


def die_after(path: str, stack: Stack, user: User, key: str) -> None:
    """Have a copy of the service killed when the answer to its call of `path` is about to arrive."""
    with interposed(stack) as between, ThreadPoolExecutor(1) as pool:
        step = between.supabase if path.startswith("/rest") else between.stripe
        step.hold_answer_of(f"^{path}$")
        buying = pool.submit(between.copy.shop.buy, signed_in_there(stack, user, between), key=key)
        step.wait_until_held()
        between.copy.process.kill()
        with pytest.raises(httpx.TransportError):
            buying.result()


OPENED = "/rest/v1/rpc/open_credit_purchase"
CUSTOMER_CREATED = "/v1/customers"
CUSTOMER_SAVED = "/rest/v1/rpc/save_stripe_customer"
INTENT_CREATED = "/v1/payment_intents"
INTENT_ATTACHED = "/rest/v1/rpc/attach_payment_intent"


@pytest.mark.parametrize("step", [OPENED, CUSTOMER_CREATED, INTENT_CREATED, INTENT_ATTACHED])
def test_a_retry_after_a_death_at_any_step_is_the_same_purchase(  # noqa: PLR0913, PLR0917 - fixtures
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount, books: Books, step: str
) -> None:
    key = uuid.uuid4().hex
    die_after(step, stack, user, key)
    [opened] = books.purchases(user.id)
    created = stripe.intents_of(user.id)
    assert len(created) == (step in {INTENT_CREATED, INTENT_ATTACHED})

    intent = shop.order(user, key=key)
    assert [each["id"] for each in stripe.intents_of(user.id)] == [intent["paymentIntentId"]]
    assert len(stripe.customers_of(user.id)) == 1
    assert stripe.pay(intent) == "succeeded"
    stripe.wait_for_webhooks()
    [purchase] = books.purchases(user.id)
    assert (purchase["id"], purchase["status"]) == (opened["id"], "succeeded")
    assert books.entries(user.id) == [("purchase", 5)]


def test_a_payment_intent_that_was_never_attached_is_credited_by_its_webhook_alone(
    stack: Stack, user: User, stripe: StripeAccount, books: Books
) -> None:
    """The event of the creation never comes, so the payment's own finds the purchase by its metadata."""
    stripe.simulator.set_chaos(drop=1)
    die_after(INTENT_CREATED, stack, user, uuid.uuid4().hex)
    [purchase] = books.purchases(user.id)
    assert purchase["stripe_payment_intent_id"] is None
    [intent] = stripe.intents_of(user.id)
    stripe.post(
        f"payment_intents/{intent['id']}/confirm",
        payment_method="pm_card_visa",
        return_url="https://app.example.com/paid",
    )
    [succeeded] = [e for e in stripe.events_about(intent["id"]) if e["type"] == "payment_intent.succeeded"]
    assert books.purchases(user.id)[0]["status"] == "pending"
    stripe.simulator.redeliver(succeeded["id"])
    stripe.wait_for_webhooks()
    assert books.event(succeeded["id"]) == ("applied", None)
    [purchase] = books.purchases(user.id)
    assert (purchase["stripe_payment_intent_id"], purchase["status"]) == (intent["id"], "succeeded")
    assert books.entries(user.id) == [("purchase", 5)]


@pytest.fixture(scope="module", name="between")
def stand_between(stack: Stack) -> Iterator[Interposed]:
    with interposed(stack) as between:
        yield between


@pytest.mark.parametrize("step", [OPENED, INTENT_ATTACHED, CUSTOMER_SAVED])
def test_an_answer_of_the_database_lost_on_the_way_is_no_second_purchase(  # noqa: PLR0913, PLR0917 - fixtures
    stack: Stack, between: Interposed, user: User, stripe: StripeAccount, books: Books, step: str
) -> None:
    """The service asks again; though the client sent no Idempotency-Key, that is the same purchase."""
    between.supabase.calls.clear()
    between.supabase.cut_answer_of(f"^{step}$")
    intent = between.copy.shop.order(signed_in_there(stack, user, between))
    assert between.supabase.calls.count(step) == 2
    [purchase] = books.purchases(user.id)
    assert purchase["stripe_payment_intent_id"] == intent["paymentIntentId"]
    assert len(stripe.intents_of(user.id)) == 1


def test_a_purchase_that_could_not_be_attached_is_attached_by_the_retry(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    key = uuid.uuid4().hex
    stripe.simulator.pause_deliveries()
    books.execute("revoke execute on function public.attach_payment_intent from service_role")
    try:
        answer = shop.buy(user, key=key)
    finally:
        books.execute("grant execute on function public.attach_payment_intent to service_role")
    assert (answer.status_code, answer.json()["error"]) == (500, "Failed to create payment intent")
    [created] = stripe.intents_of(user.id)
    assert books.purchases(user.id)[0]["stripe_payment_intent_id"] is None
    assert shop.order(user, key=key)["paymentIntentId"] == created["id"]
    assert books.purchase(created["id"])["user_id"] == user.id
