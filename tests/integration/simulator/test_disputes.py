from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stripe as sdk

from tests.integration.simulator.payments import charge_of, latest_event, pay, types_since

if TYPE_CHECKING:
    from stripe import Dispute, StripeClient

    from service.sandbox.simulator import LocalStripe


def dispute_of(client: StripeClient, method: str) -> Dispute:
    [dispute] = client.v1.disputes.list({"payment_intent": pay(client, method).id}).data
    return dispute


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("pm_card_createDispute", "fraudulent"),
        ("pm_card_createDisputeProductNotReceived", "product_not_received"),
    ],
)
def test_a_disputing_card_pays_and_then_takes_the_money_back(
    client: StripeClient, method: str, reason: str
) -> None:
    before = latest_event(client)
    intent = pay(client, method)
    assert intent.status == "succeeded"
    [dispute] = client.v1.disputes.list({"charge": charge_of(client, intent).id}).data
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", reason, 1000)
    assert dispute.payment_intent == intent.id
    assert [booked.amount for booked in dispute.balance_transactions] == [-1000]
    assert charge_of(client, intent).disputed is True
    assert types_since(client, before)[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


def test_an_inquiry_moves_no_money(client: StripeClient) -> None:
    before = latest_event(client)
    dispute = dispute_of(client, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.balance_transactions) == ("warning_needs_response", [])
    assert dispute.is_charge_refundable is True
    assert types_since(client, before)[-1] == "charge.dispute.created"


def test_a_charge_can_be_disputed_twice(client: StripeClient) -> None:
    intent = pay(client, "pm_card_createMultipleDisputes")
    disputes = client.v1.disputes.list({"payment_intent": intent.id}).data
    assert [dispute.amount for dispute in disputes] == [500, 500]


def test_a_won_dispute_reinstates_the_money(client: StripeClient, simulator: LocalStripe) -> None:
    dispute = dispute_of(client, "pm_card_createDispute")
    before = latest_event(client)
    reviewed = client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert reviewed.status == "under_review"
    assert reviewed.evidence_details.submission_count == 1
    simulator.settle()
    won = client.v1.disputes.retrieve(dispute.id)
    assert won.status == "won"
    assert sum(booked.amount for booked in won.balance_transactions) == 0
    assert types_since(client, before) == [
        "charge.dispute.updated",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
    ]


def test_a_lost_dispute_leaves_the_money_with_the_customer(
    client: StripeClient, simulator: LocalStripe
) -> None:
    dispute = dispute_of(client, "pm_card_createDispute")
    before = latest_event(client)
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}})
    simulator.settle()
    assert client.v1.disputes.retrieve(dispute.id).status == "lost"
    assert types_since(client, before) == ["charge.dispute.updated", "charge.dispute.closed"]


def test_evidence_can_be_staged_before_it_is_submitted(client: StripeClient) -> None:
    dispute = dispute_of(client, "pm_card_createDispute")
    staged = client.v1.disputes.update(
        dispute.id, {"evidence": {"product_description": "Credits"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    assert staged.evidence.product_description == "Credits"


def test_closing_gives_in(client: StripeClient) -> None:
    dispute = dispute_of(client, "pm_card_createDispute")
    assert client.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(sdk.InvalidRequestError):
        client.v1.disputes.close(dispute.id)


def test_an_inquiry_can_become_a_chargeback(client: StripeClient, simulator: LocalStripe) -> None:
    dispute = dispute_of(client, "pm_card_createDisputeInquiry")
    before = latest_event(client)
    client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}})
    simulator.settle()
    escalated = client.v1.disputes.retrieve(dispute.id)
    assert (escalated.status, len(escalated.balance_transactions)) == ("needs_response", 1)
    assert types_since(client, before) == [
        "charge.dispute.updated",
        "charge.dispute.updated",
        "charge.dispute.funds_withdrawn",
    ]


def test_an_inquiry_can_be_closed_without_money(client: StripeClient, simulator: LocalStripe) -> None:
    dispute = dispute_of(client, "pm_card_createDisputeInquiry")
    before = latest_event(client)
    assert simulator.resolve_dispute(dispute.id, "close_inquiry")["status"] == "warning_closed"
    assert types_since(client, before) == ["charge.dispute.closed"]
    with pytest.raises(ValueError, match="warning_closed"):
        simulator.resolve_dispute(dispute.id, "win")


def test_any_paid_charge_can_be_disputed_in_part(client: StripeClient, simulator: LocalStripe) -> None:
    charge = charge_of(client, pay(client))
    dispute = simulator.dispute(charge.id, amount=400, reason="duplicate")
    assert (dispute["amount"], dispute["reason"], dispute["status"]) == (400, "duplicate", "needs_response")
    assert simulator.resolve_dispute(dispute["id"], "win")["status"] == "won"
    with pytest.raises(ValueError, match="whole amount"):
        simulator.dispute(charge.id, amount=1001)


def test_a_charged_back_payment_cannot_be_refunded_until_it_is_won(
    client: StripeClient, simulator: LocalStripe
) -> None:
    dispute = dispute_of(client, "pm_card_createDispute")
    assert isinstance(dispute.charge, str)
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": dispute.charge})
    assert refusal.value.code == "charge_disputed"
    simulator.resolve_dispute(dispute.id, "win")
    assert client.v1.refunds.create({"charge": dispute.charge}).status == "succeeded"
