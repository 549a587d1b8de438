"""Genuine webhooks: credited once however often they come, and kept for a person where they do not fit."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from service.event_types import WEBHOOK_PATH
from tests.integration.service.copies import another_service
from tests.integration.service.postgrest import PostgREST
from tests.integration.service.shop import MEDIUM
from tests.integration.service.waiting import at_once
from tests.integration.service.webhooks import deliver, encode, event_of, post, sign, succeeded

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from service.sandbox.stack import Stack
    from tests.integration.service.books import Books
    from tests.integration.service.shop import Shop, StripeAccount, Unpaid, User

OTHER_SECRET = "whsec_fedcba9876543210fedcba9876543210"
THIRD_SECRET = "whsec_0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@pytest.fixture
def intent(shop: Shop, user: User, stripe: StripeAccount) -> dict[str, Any]:
    """The PaymentIntent of a purchase of 15 credits that nobody has paid."""
    created = stripe.get(f"payment_intents/{shop.order(user, MEDIUM)['paymentIntentId']}")
    stripe.wait_for_webhooks()
    return created


def outcome(shop: Shop, books: Books, event: dict[str, Any]) -> tuple[str, str | None] | None:
    """What became of an event that was answered 200."""
    answer = deliver(shop, event)
    assert (answer.status_code, answer.content) == (200, b'{"success":true}')
    return books.event(event["id"])


def test_the_same_event_50_times_at_once_is_credited_once(
    shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    event = succeeded(intent)
    answers = at_once(50, lambda _: deliver(shop, event))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"success":true}')}
    assert books.entries(user.id) == [("purchase", 15)]
    assert books.balance(user.id) == 15
    assert books.event(event["id"]) == ("applied", None)


def test_the_same_change_under_two_event_ids_is_credited_once(
    shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    events = [succeeded(intent) for _ in range(2)]
    assert [outcome(shop, books, event) for event in events] == [("applied", None)] * 2
    assert books.entries(user.id) == [("purchase", 15)]


def test_the_same_change_under_20_event_ids_at_once_is_credited_once(
    shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    answers = at_once(20, lambda _: deliver(shop, succeeded(intent)))
    assert {answer.status_code for answer in answers} == {200}
    assert books.entries(user.id) == [("purchase", 15)]


def test_webhook_and_client_both_crediting_credit_once(
    stack: Stack, shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    """While the webhook is on its way, the page that has just paid tells of it wherever it can."""
    key = uuid.uuid4().hex
    order = shop.order(user, MEDIUM, key=key)
    stripe.wait_for_webhooks()
    event = succeeded(stripe.get(f"payment_intents/{order['paymentIntentId']}"))
    told = {**event, "object": event["data"]["object"]}
    body = encode(event)
    with PostgREST(stack, stack.supabase.publishable_key, user.token) as client:
        calls: list[tuple[Callable[[], httpx.Response], int]] = [
            (lambda: deliver(shop, event), 200),
            (lambda: deliver(shop, event), 200),
            (lambda: shop.http.post(WEBHOOK_PATH, content=body, headers=user.headers), 400),
            (lambda: post(shop, body, sign(body, OTHER_SECRET)), 400),
            (lambda: client.post("/rpc/record_stripe_events", json={"events": [told]}), 403),
            (lambda: shop.buy(user, MEDIUM, key=key), 200),
        ]
        answers = at_once(len(calls), lambda number: calls[number][0]())
    assert [answer.status_code for answer in answers] == [status for _, status in calls]
    assert answers[-1].json()["data"] == order
    assert books.entries(user.id) == [("purchase", 15)]
    assert books.balance(user.id) == 15
    assert len(books.purchases(user.id)) == 1


def test_stripes_own_delivery_and_its_copies_are_credited_once(
    shop: Shop, user: User, stripe: StripeAccount, books: Books
) -> None:
    stripe.simulator.set_chaos(seed=7, duplicate=1, double_event=1, shuffle=4)
    assert stripe.pay(shop.order(user, MEDIUM)) == "succeeded"
    stripe.wait_for_webhooks()
    assert books.entries(user.id) == [("purchase", 15)]


def test_a_payment_that_succeeded_before_it_was_processing_stays_succeeded(
    shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    late = event_of({**intent, "status": "processing"}, "payment_intent.processing")
    assert outcome(shop, books, succeeded(intent)) == ("applied", None)
    assert outcome(shop, books, late) == ("applied", None)
    assert books.purchase(intent["id"])["status"] == "succeeded"
    assert books.entries(user.id) == [("purchase", 15)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": 1}, "amount"),
        ({"amount": 150_000}, "amount"),
        ({"amount_received": 1499}, "amount_received"),
        ({"amount_received": 0}, "amount_received"),
        ({"currency": "jpy"}, "currency"),
        ({"currency": "USD"}, "currency"),
        ({"status": "requires_capture"}, "status"),
        ({"status": "processing"}, "status"),
        ({"metadata": {"user_id": str(uuid.UUID(int=7))}}, "user"),
    ],
    ids=str,
)
def test_a_payment_that_does_not_fit_its_purchase_is_kept_and_not_credited(
    shop: Shop, unpaid: Unpaid, books: Books, change: dict[str, Any], reason: str
) -> None:
    assert outcome(shop, books, succeeded(unpaid.intent, **change)) == ("mismatch", reason)
    assert books.entries(unpaid.user.id) == []
    assert books.purchase(unpaid.intent["id"])["status"] == "pending"


def test_a_payment_of_the_other_mode_is_kept_and_not_credited(
    shop: Shop, unpaid: Unpaid, books: Books
) -> None:
    live = {**succeeded(unpaid.intent, livemode=True), "livemode": True}
    assert outcome(shop, books, live) == ("mismatch", "livemode")
    assert books.entries(unpaid.user.id) == []


def test_another_payment_intent_cannot_claim_a_purchase(shop: Shop, unpaid: Unpaid, books: Books) -> None:
    """Somebody who can create PaymentIntents on the account, yet not on this purchase."""
    claiming = succeeded(unpaid.intent, id=f"pi_{uuid.uuid4().hex}")
    assert outcome(shop, books, claiming) == ("mismatch", "payment_intent")
    assert books.entries(unpaid.user.id) == []


def test_a_purchase_that_does_not_exist_is_kept_for_a_person(
    shop: Shop, books: Books, unpaid: Unpaid
) -> None:
    metadata = {"transaction_id": str(uuid.uuid4()), "user_id": str(uuid.uuid4())}
    event = succeeded(unpaid.intent, id=f"pi_{uuid.uuid4().hex}", metadata=metadata)
    assert outcome(shop, books, event) == ("mismatch", "unknown_transaction")


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "1500"},
        {"amount": 1500.5},
        {"amount": -1},
        {"amount": 2**60},
        {"currency": 840},
        {"metadata": []},
        {"metadata": {"transaction_id": {"$ne": None}}},
        {"livemode": "false"},
        {"id": "pi_\0"},
    ],
    ids=str,
)
def test_a_field_of_a_surprising_type_loses_no_event(
    shop: Shop, unpaid: Unpaid, books: Books, change: dict[str, Any]
) -> None:
    assert outcome(shop, books, succeeded(unpaid.intent, **change)) == ("mismatch", "malformed")
    assert books.entries(unpaid.user.id) == []


def test_a_surprise_in_a_field_that_nobody_reads_changes_nothing(
    shop: Shop, user: User, books: Books, intent: dict[str, Any]
) -> None:
    event = succeeded(intent, description=["x"], new_field={"a": 1})
    assert outcome(shop, books, {**event, "new_field": None}) == ("applied", None)
    assert books.entries(user.id) == [("purchase", 15)]


def test_events_of_other_applications_on_the_account_are_stored_and_ignored(
    shop: Shop, books: Books, unpaid: Unpaid
) -> None:
    other = {"id": f"pi_{uuid.uuid4().hex}", "metadata": {"order": "7"}}
    refund = {
        "id": f"re_{uuid.uuid4().hex}",
        "object": "refund",
        "amount": 100,
        "currency": "usd",
        "status": "succeeded",
        "payment_intent": other["id"],
        "metadata": {},
    }
    for event in (succeeded(unpaid.intent, **other), event_of(refund, "refund.created")):
        assert outcome(shop, books, event) == ("ignored", "not_ours")


@pytest.mark.parametrize(
    "event_type",
    ["customer.created", "invoice.paid", "payment_intent.amount_capturable_updated", "v2.core.x", "ping"],
)
def test_an_unknown_type_of_event_is_stored_and_ignored(shop: Shop, books: Books, event_type: str) -> None:
    event = event_of({"id": f"x_{uuid.uuid4().hex}", "object": "thing"}, event_type)
    assert outcome(shop, books, event) == ("ignored", "type")


def test_nothing_of_the_payload_is_stored_but_what_settlement_reads(
    shop: Shop, books: Books, intent: dict[str, Any]
) -> None:
    event = succeeded(intent, receipt_email="ada@example.test", shipping={"name": "Ada Lovelace"})
    outcome(shop, books, event)
    payload = books.value("select payload::text from credits.stripe_events where id = %s", event["id"])
    assert "ada@example.test" not in payload
    assert "Lovelace" not in payload
    assert "client_secret" not in payload


def test_while_a_secret_is_rotated_both_are_accepted_and_no_third(
    stack: Stack, user: User, books: Books, intent: dict[str, Any]
) -> None:
    with another_service(stack, STRIPE_WEBHOOK_SECRET=f"{OTHER_SECRET}, {stack.webhook_secret}") as copy:
        for secret in (OTHER_SECRET, stack.webhook_secret):
            event = succeeded(intent)
            assert post(copy.shop, encode(event), sign(encode(event), secret)).status_code == 200
            assert books.event(event["id"]) == ("applied", None)
        event = succeeded(intent)
        assert post(copy.shop, encode(event), sign(encode(event), THIRD_SECRET)).status_code == 400
        assert books.event(event["id"]) is None
    assert books.entries(user.id) == [("purchase", 15)]


def test_while_a_secret_is_rotated_a_header_with_both_signatures_is_accepted(
    shop: Shop, books: Books, intent: dict[str, Any]
) -> None:
    """Stripe signs with the old secret and the new one until the old one expires."""
    for order in ((OTHER_SECRET, shop.webhook_secret), (shop.webhook_secret, OTHER_SECRET)):
        event = succeeded(intent)
        first, second = (sign(encode(event), secret) for secret in order)
        header = f"{first},{second.partition(',')[2]}"
        assert post(shop, encode(event), header).status_code == 200
        assert books.event(event["id"]) == ("applied", None)


def test_events_of_many_users_at_once_are_each_credited_once(
    shop: Shop, new_user: Callable[[], User], stripe: StripeAccount, books: Books
) -> None:
    users = [new_user() for _ in range(8)]
    intents = [stripe.get(f"payment_intents/{shop.order(each, MEDIUM)['paymentIntentId']}") for each in users]
    events = [succeeded(intent) for intent in intents for _ in range(2)]
    answers = at_once(32, lambda number: deliver(shop, events[number % len(events)]))
    assert {answer.status_code for answer in answers} == {200}
    assert [books.entries(each.id) for each in users] == [[("purchase", 15)]] * 8
