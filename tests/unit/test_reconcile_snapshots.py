from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest

from service.event_types import HANDLED_EVENT_TYPES
from service.reconcile.snapshots import CLOCK_LAG, Kind, Snapshot, take_snapshot

AT = 1_700_000_000
TRANSACTION = uuid.UUID("11111111-1111-4111-8111-111111111111")
OURS = {"transaction_id": str(TRANSACTION), "user_id": "22222222-2222-4222-8222-222222222222"}


def raw(found: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(found))


def payment(status: str, **fields: Any) -> Snapshot:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 500,
        "currency": "usd",
        "created": AT - 60,
        "livemode": False,
        "status": status,
        "metadata": OURS,
        "last_payment_error": None,
        **fields,
    }
    return take_snapshot("payment_intent", raw(intent), AT)


def refund(status: str | None) -> Snapshot:
    found = {"id": "re_1", "object": "refund", "amount": 100, "payment_intent": "pi_1", "status": status}
    return take_snapshot("refund", raw(found), AT)


def dispute(status: str, *booked: int) -> Snapshot:
    found = {
        "id": "du_1",
        "object": "dispute",
        "amount": 500,
        "payment_intent": "pi_1",
        "status": status,
        "balance_transactions": [{"amount": amount} for amount in booked],
    }
    return take_snapshot("dispute", raw(found), AT)


@pytest.mark.parametrize(
    ("status", "fields", "event_type"),
    [
        ("requires_payment_method", {}, "payment_intent.created"),
        ("requires_confirmation", {}, "payment_intent.created"),
        ("requires_capture", {}, "payment_intent.created"),
        (
            "requires_payment_method",
            {"last_payment_error": {"code": "card_declined"}},
            "payment_intent.payment_failed",
        ),
        ("requires_action", {}, "payment_intent.requires_action"),
        ("processing", {}, "payment_intent.processing"),
        ("canceled", {}, "payment_intent.canceled"),
        ("succeeded", {}, "payment_intent.succeeded"),
    ],
)
def test_payment_becomes_the_event_that_tells_its_state(
    status: str, fields: dict[str, Any], event_type: str
) -> None:
    assert payment(status, **fields).type == event_type


@pytest.mark.parametrize(
    ("status", "booked", "event_type", "funds"),
    [
        ("warning_needs_response", (), "charge.dispute.updated", "untouched"),
        ("warning_closed", (), "charge.dispute.updated", "untouched"),
        ("prevented", (), "charge.dispute.updated", "untouched"),
        ("needs_response", (-500,), "charge.dispute.funds_withdrawn", "withdrawn"),
        ("under_review", (-500,), "charge.dispute.funds_withdrawn", "withdrawn"),
        ("lost", (-500,), "charge.dispute.closed", "withdrawn"),
        ("won", (-500,), "charge.dispute.closed", "reinstated"),
        ("won", (-500, 500), "charge.dispute.funds_reinstated", "reinstated"),
        ("lost", (-500, 500), "charge.dispute.funds_reinstated", "reinstated"),
    ],
)
def test_dispute_becomes_the_event_that_tells_where_its_money_is(
    status: str, booked: tuple[int, ...], event_type: str, funds: str
) -> None:
    told = dispute(status, *booked)
    assert (told.type, told.funds) == (event_type, funds)


def test_refund_without_a_status_is_pending() -> None:
    assert (refund(None).state, refund(None).type) == ("pending", "refund.updated")


@pytest.mark.parametrize("told", [payment("succeeded"), refund("failed"), dispute("needs_response", -500)])
def test_event_is_of_a_type_that_is_handled_and_projected_like_a_webhook(told: Snapshot) -> None:
    event = told.event(livemode=False, replaces=None)
    assert event["type"] in HANDLED_EVENT_TYPES
    assert event["created"] == AT + CLOCK_LAG
    assert event["livemode"] is False
    assert "malformed" not in event
    assert "balance_transactions" not in event["object"]
    assert event["object"]["id"] == told.id


def test_unpaid_payment_intent_takes_its_own_time_so_that_all_else_overrules_it() -> None:
    assert payment("requires_payment_method").at == AT - 60


@pytest.mark.parametrize(
    ("told", "event_id"),
    [
        (payment("succeeded"), "reconcile:pi_1:succeeded"),
        (payment("canceled"), "reconcile:pi_1:canceled"),
        (payment("requires_payment_method"), "reconcile:pi_1:pending"),
        (refund("pending"), "reconcile:re_1:pending"),
        (refund("failed"), "reconcile:re_1:failed"),
        (dispute("won", -500, 500), "reconcile:du_1:won:reinstated"),
        (dispute("warning_closed"), "reconcile:du_1:warning_closed:untouched"),
    ],
)
def test_state_that_stays_has_one_id_for_ever(told: Snapshot, event_id: str) -> None:
    for replaces in (None, AT - 5, AT):
        assert told.event(livemode=False, replaces=replaces)["id"] == event_id


@pytest.mark.parametrize(
    "told", [payment("processing"), payment("requires_action"), dispute("under_review", -500)]
)
def test_state_that_can_come_back_has_an_id_for_each_state_that_it_replaces(told: Snapshot) -> None:
    ids = [told.event(livemode=False, replaces=replaces)["id"] for replaces in (None, AT, AT + 1, AT)]
    assert ids[1] == ids[3]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "metadata",
    [{}, {"transaction_id": "7", "user_id": "8"}, {"transaction_id": str(TRANSACTION)}, {"user_id": "x"}],
)
def test_payment_of_another_application_names_no_purchase(metadata: dict[str, str]) -> None:
    assert payment("succeeded", metadata=metadata).transaction_id is None


def test_payment_of_ours_names_its_purchase() -> None:
    assert payment("succeeded").transaction_id == TRANSACTION


@pytest.mark.parametrize("kind", ["payment_intent", "refund", "dispute"])
def test_object_of_an_unexpected_shape_is_kept_for_a_person(kind: Kind) -> None:
    found = {"id": "x_1", "object": kind, "amount": 5, "status": "succeeded", "created": AT, "currency": 7}
    event = take_snapshot(kind, raw(found), AT).event(livemode=True, replaces=None)
    assert event["malformed"]
    assert event["livemode"] is True
