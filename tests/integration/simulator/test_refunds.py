from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import StripeClient

    from service.sandbox.simulator import LocalStripe


def test_a_full_refund_gives_everything_back(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client)
    before = latest_event(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "reason": "requested_by_customer"})
    assert (refund.status, refund.amount, refund.currency) == ("succeeded", 1000, "usd")
    assert (refund.payment_intent, refund.charge) == (intent.id, intent.latest_charge)
    charge = charge_of(client, intent)
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"

    simulator.settle()

    assert types_since(client, before) == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]
    details = client.v1.refunds.retrieve(refund.id).destination_details
    assert details is not None
    assert details.card is not None
    assert details.card.reference_status == "available"


def test_partial_refunds_add_up_and_the_last_takes_what_is_left(client: StripeClient) -> None:
    intent = pay(client)
    for amount in (333, 333):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": amount})
    assert charge_of(client, intent).refunded is False
    last = client.v1.refunds.create({"payment_intent": intent.id})
    assert last.amount == 334
    charge = charge_of(client, intent)
    assert (charge.refunded, charge.amount_refunded) == (True, 1000)
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == 3


def test_more_than_what_is_left_is_refused(client: StripeClient) -> None:
    intent = pay(client)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 600})
    with pytest.raises(sdk.InvalidRequestError, match="greater than unrefunded amount") as refusal:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 401})
    assert refusal.value.param == "amount"
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert refusal.value.code == "charge_already_refunded"
    assert charge_of(client, intent).amount_refunded == 1000


def test_a_refund_of_nothing_is_refused(client: StripeClient) -> None:
    intent = pay(client)
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 0})
    assert refusal.value.code == "parameter_invalid_integer"
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.refunds.create({"amount": 100})
    assert refusal.value.code == "parameter_missing"


def test_what_was_not_paid_cannot_be_refunded(client: StripeClient) -> None:
    unpaid = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    with pytest.raises(sdk.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": unpaid.id})
    held = pay(client, capture_method="manual")
    assert isinstance(held.latest_charge, str)
    with pytest.raises(sdk.InvalidRequestError, match="has not been captured"):
        client.v1.refunds.create({"charge": held.latest_charge})


def test_a_refund_can_be_pending_until_it_succeeds(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    assert charge_of(client, intent).amount_refunded == 400
    before = latest_event(client)

    simulator.settle()

    settled = client.v1.refunds.retrieve(refund.id)
    assert settled.status == "succeeded"
    assert "pending_reason" not in settled.to_dict()
    assert types_since(client, before) == ["refund.updated", "charge.refund.updated"]


def test_a_refund_can_fail_after_it_succeeded(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    assert charge_of(client, intent).refunded is True
    before = latest_event(client)

    simulator.settle()

    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert isinstance(failed.failure_balance_transaction, sdk.BalanceTransaction)
    assert failed.failure_balance_transaction.amount == 1000
    charge = charge_of(client, intent)
    assert (charge.refunded, charge.amount_refunded) == (False, 0)
    assert types_since(client, before) == ["refund.failed", "charge.refund.updated"]
    assert client.v1.refunds.create({"payment_intent": intent.id}).amount == 1000


def test_only_a_refund_that_waits_for_its_customer_can_be_canceled(
    client: StripeClient, simulator: LocalStripe
) -> None:
    intent = pay(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(sdk.InvalidRequestError, match="cannot be canceled"):
        client.v1.refunds.cancel(refund.id)

    assert simulator.move_refund(refund.id, "requires_action")["next_action"]["type"] == "display_details"
    assert client.v1.refunds.cancel(refund.id).status == "canceled"

    assert charge_of(client, intent).amount_refunded == 0
    simulator.settle()
    assert client.v1.refunds.retrieve(refund.id).status == "canceled"


def test_a_bank_can_report_a_failed_refund_at_any_time(client: StripeClient, simulator: LocalStripe) -> None:
    intent = pay(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 250})
    assert simulator.move_refund(refund.id, "failed")["status"] == "failed"
    assert charge_of(client, intent).amount_refunded == 0


def test_the_metadata_of_a_refund_can_be_changed(client: StripeClient) -> None:
    refund = client.v1.refunds.create({"payment_intent": pay(client).id, "metadata": {"why": "late"}})
    before = latest_event(client)
    changed = client.v1.refunds.update(refund.id, {"metadata": {"who": "me"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"why": "late", "who": "me"}
    assert types_since(client, before) == ["refund.updated", "charge.refund.updated"]


def test_a_charge_shows_its_refunds_when_asked(client: StripeClient) -> None:
    intent = pay(client)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    assert "refunds" not in charge_of(client, intent).to_dict()
    assert isinstance(intent.latest_charge, str)
    charge = client.v1.charges.retrieve(intent.latest_charge, {"expand": ["refunds"]})
    assert charge.refunds is not None
    assert [each.id for each in charge.refunds.data] == [refund.id]
