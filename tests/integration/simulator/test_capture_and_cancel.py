from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import StripeClient


def test_money_set_aside_is_taken_at_the_capture(client: StripeClient) -> None:
    before = latest_event(client)
    held = pay(client, capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1000, 0)
    charge = charge_of(client, held)
    assert (charge.captured, charge.amount_captured, charge.balance_transaction) == (False, 0, None)

    captured = client.v1.payment_intents.capture(held.id)

    assert (captured.status, captured.amount_capturable, captured.amount_received) == ("succeeded", 0, 1000)
    assert charge_of(client, held).amount_captured == 1000
    assert types_since(client, before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "charge.updated",
    ]


def test_a_partial_capture_releases_the_rest(client: StripeClient) -> None:
    held = pay(client, capture_method="manual")
    captured = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 700})
    charge = charge_of(client, held)
    assert (captured.amount_received, charge.amount_captured, charge.amount_refunded) == (700, 700, 300)


@pytest.mark.parametrize("amount", [0, 1001])
def test_a_capture_of_nothing_or_too_much_is_refused(client: StripeClient, amount: int) -> None:
    held = pay(client, capture_method="manual")
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": amount})
    assert refusal.value.param == "amount_to_capture"
    assert client.v1.payment_intents.retrieve(held.id).status == "requires_capture"


def test_canceling_tells_why_and_is_final(client: StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    before = latest_event(client)
    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at is not None
    assert types_since(client, before) == ["payment_intent.canceled"]
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.cancel(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_canceling_releases_money_that_was_set_aside(client: StripeClient) -> None:
    held = pay(client, capture_method="manual")
    before = latest_event(client)
    canceled = client.v1.payment_intents.cancel(held.id)
    assert (canceled.status, canceled.amount_capturable) == ("canceled", 0)
    charge = charge_of(client, held)
    assert (charge.refunded, charge.amount_refunded, charge.captured) == (True, 1000, False)
    assert types_since(client, before) == ["refund.created", "charge.refunded", "payment_intent.canceled"]
